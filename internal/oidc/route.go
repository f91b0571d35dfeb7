package oidc

import (
	"net/http"
	"slices"
	"strings"
)

// The provider's paths.
const (
	pathDiscovery  = "/.well-known/openid-configuration"
	pathMetadata   = "/.well-known/oauth-authorization-server"
	pathAuthorize  = "/oauth/authorize"
	pathToken      = "/oauth/token"
	pathUserinfo   = "/oauth/userinfo"
	pathKeys       = "/oauth/keys"
	pathLogout     = "/oauth/logout"
	pathIntrospect = "/oauth/introspect"
	pathRevoke     = "/oauth/revoke"
	pathPush       = "/oauth/par"
	pathDevice     = "/oauth/device"

	// Pages of the web door that this one sends people to, with the parameter
	// authorization.
	pathLogin    = "/login"
	pathCompany  = "/oauth/company"
	pathNoAccess = "/oauth/no-access"
	pathConsent  = "/oauth/consent"

	pathDevicePage    = "/device" // short: it is typed from another screen
	pathDeviceConfirm = "/device/confirm"
	pathDeviceDone    = "/device/done"
)

// MachinePaths are the addresses that programs call. With a method that they do
// not take, they say which they do (RFC 9110 15.5.6): whoever tries one in a
// browser has the right address, and learns it.
func MachinePaths() []string {
	return []string{pathDiscovery, pathMetadata, pathKeys, pathToken, pathUserinfo, pathIntrospect, pathRevoke, pathPush, pathDevice}
}

// authorizeFields are the parameters of an authorization request.
var authorizeFields = []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
	"code_challenge_method", "prompt", "max_age", "login_hint", "id_token_hint", "acr_values", "claims", "ui_locales", "company_hint", "dpop_jkt", "request_uri"}

// Route is one line of `portique routes`.
type Route struct {
	Method, Path string
	Who          string
	Fields       []string
}

// Routes lists what Handler serves.
func Routes() []Route {
	authorize := authorizeFields
	proofs := []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}
	logout := []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"}
	return []Route{
		{"GET", pathDiscovery, "anyone", nil},
		{"GET", pathMetadata, "anyone", nil},
		{"GET", pathKeys, "anyone", nil},
		{"GET", pathAuthorize, "anyone", authorize},
		{"POST", pathAuthorize, "anyone", authorize},
		{"GET", pathAuthorize + "/{id}", "anyone", nil},
		{"POST", pathAuthorize + "/{id}/deny", "anyone", nil},
		{"POST", pathAuthorize + "/{id}/allow", "anyone", []string{"access"}},
		{"POST", pathDevice, "anyone", append([]string{"scope", "company_hint"}, proofs...)},
		{"POST", pathPush, "anyone", slices.Concat(authorize, proofs[1:])},
		{"POST", pathToken, "anyone", append([]string{"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "resource", "device_code"}, proofs...)},
		{"POST", pathIntrospect, "anyone", append([]string{"token", "token_type_hint"}, proofs...)},
		{"POST", pathRevoke, "anyone", append([]string{"token", "token_type_hint"}, proofs...)},
		{"GET", pathUserinfo, "anyone", nil},
		{"POST", pathUserinfo, "anyone", []string{"access_token"}},
		{"GET", pathLogout, "anyone", logout},
		{"POST", pathLogout, "anyone", append(logout, "confirm")},
	}
}

func (p *Provider) routes() http.Handler {
	handlers := map[string]http.HandlerFunc{
		"GET " + pathDiscovery:                 p.discovery,
		"GET " + pathMetadata:                  p.discovery,
		"GET " + pathKeys:                      p.jwks,
		"GET " + pathAuthorize:                 p.authorize,
		"POST " + pathAuthorize:                p.authorizePost,
		"GET " + pathAuthorize + "/{id}":       p.goOn,
		"POST " + pathAuthorize + "/{id}/deny": p.deny,
		"POST " + pathPush:                     p.push,
		"POST " + pathToken:                    p.token,
		"POST " + pathIntrospect:               p.introspect,
		"POST " + pathRevoke:                   p.revoke,
		"GET " + pathUserinfo:                  p.userinfo,
		"POST " + pathUserinfo:                 p.userinfo,
		"GET " + pathLogout:                    p.logout,
		"POST " + pathLogout:                   p.logoutPost,

		"POST " + pathDevice:                    p.device,
		"POST " + pathAuthorize + "/{id}/allow": p.allow,
	}
	mux := http.NewServeMux()
	for _, route := range Routes() {
		pattern := route.Method + " " + route.Path
		mux.Handle(pattern, noStore(handlers[pattern]))
	}
	for _, path := range MachinePaths() {
		mux.Handle(path, wrongMethod(path))
	}
	return mux
}

func wrongMethod(path string) http.Handler {
	var methods []string
	for _, route := range Routes() {
		if route.Path == path {
			methods = append(methods, route.Method)
		}
	}
	taken := strings.Join(methods, ", ")
	return noStore(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", taken)
		writeRefusal(w, &refusal{code: "invalid_request", description: "this address takes " + taken, status: http.StatusMethodNotAllowed})
	})
}

// noStore is the rule from which discovery and keys depart. It refuses HEAD,
// which a GET pattern takes as well, where a GET changes something: a link
// scanner must not.
func noStore(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method == http.MethodHead && (strings.HasPrefix(r.URL.Path, pathAuthorize) || r.URL.Path == pathLogout) {
			w.Header().Set("Allow", "GET, POST")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	})
}

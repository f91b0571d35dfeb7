package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"portique"
	"portique/internal/i18n"
)

// What the provider can do. Discovery says these and nothing else.
var (
	scopesSupported    = []string{"openid", "profile", "email", "address", "phone", "company", "offline_access"}
	promptsSupported   = []string{"none", "login", "consent", "select_account", "select_company"}
	responseModes      = []string{"query", "form_post"}
	authMethods        = []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
	algorithms         = []string{"ES256", "RS256"}
	acrValuesSupported = []string{acrPassword}
	localesSupported   = []string{i18n.French, i18n.English}
	claimsSupported    = append([]string{"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "acr", "amr", "sid"}, portique.Claims...)
)

// metadata is what both well-known paths answer (OpenID Connect Discovery 1.0
// and RFC 8414).
func (p *Provider) metadata() any {
	return map[string]any{
		"issuer":                                                   p.issuer,
		"authorization_endpoint":                                   p.issuer + pathAuthorize,
		"token_endpoint":                                           p.issuer + pathToken,
		"userinfo_endpoint":                                        p.issuer + pathUserinfo,
		"jwks_uri":                                                 p.issuer + pathKeys,
		"end_session_endpoint":                                     p.issuer + pathLogout,
		"introspection_endpoint":                                   p.issuer + pathIntrospect,
		"revocation_endpoint":                                      p.issuer + pathRevoke,
		"device_authorization_endpoint":                            p.issuer + pathDevice,
		"pushed_authorization_request_endpoint":                    p.issuer + pathPush,
		"scopes_supported":                                         scopesSupported,
		"response_types_supported":                                 []string{"code"},
		"response_modes_supported":                                 responseModes,
		"grant_types_supported":                                    slices.Sorted(maps.Keys(grantTypes)),
		"subject_types_supported":                                  []string{"public", "pairwise"},
		"id_token_signing_alg_values_supported":                    algorithms,
		"userinfo_signing_alg_values_supported":                    algorithms,
		"introspection_signing_alg_values_supported":               algorithms,
		"dpop_signing_alg_values_supported":                        proofAlgorithms,
		"token_endpoint_auth_methods_supported":                    authMethods,
		"token_endpoint_auth_signing_alg_values_supported":         proofAlgorithms,
		"introspection_endpoint_auth_methods_supported":            authMethods[:3],
		"introspection_endpoint_auth_signing_alg_values_supported": proofAlgorithms,
		"revocation_endpoint_auth_methods_supported":               authMethods,
		"revocation_endpoint_auth_signing_alg_values_supported":    proofAlgorithms,
		"code_challenge_methods_supported":                         []string{"S256"},
		"acr_values_supported":                                     acrValuesSupported,
		"prompt_values_supported":                                  promptsSupported,
		"ui_locales_supported":                                     localesSupported,
		"claim_types_supported":                                    []string{"normal"},
		"claims_supported":                                         claimsSupported,
		"backchannel_logout_supported":                             true,
		"backchannel_logout_session_supported":                     true,
		"claims_parameter_supported":                               true,
		"request_parameter_supported":                              false,
		"request_uri_parameter_supported":                          false,
		"authorization_response_iss_parameter_supported":           true,
	}
}

func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) { p.discovered.ServeHTTP(w, r) }

// jwks publishes the public keys.
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	set, err := p.keys.published(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	set.ServeHTTP(w, r)
}

// Document is what a GET of the path is answered with when that is written
// already and waits for nothing; nil otherwise.
func (p *Provider) Document(path string) http.Handler {
	switch path {
	case pathDiscovery, pathMetadata:
		return p.discovered
	case pathKeys:
		if d := p.keys.written(); d != nil {
			return d
		}
	}
	return nil
}

// document is an answer that is the same for everybody, written once.
type document struct {
	body   []byte
	etag   string
	length string
	cache  string // Cache-Control
}

func newDocument(v any, cache string) (*document, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	sum := sha256.Sum256(body)
	return &document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, strconv.Itoa(len(body)), cache}, nil
}

func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", d.cache)
	h.Set("Etag", d.etag)
	if strings.Contains(r.Header.Get("If-None-Match"), d.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", d.length) // or net/http cuts it in chunks
	_, _ = w.Write(d.body)            // the reader went away
}

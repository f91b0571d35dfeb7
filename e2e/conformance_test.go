package e2e

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// What the OpenID Foundation's plans ask of a provider (Config OP, Basic OP, Form Post Basic, RP-initiated logout, back-channel
// logout), asked as they ask it: over https with a certificate that nobody signed, by the clients, the account and the form ids of
// examples/conformance, in a browser without script. The plans themselves do not run here; docs/conformance.md says how they do.
func TestConformance(t *testing.T) {
	t.Parallel()
	c := newConformance(t)
	type row struct {
		area string
		try  func(*conformance, *testing.T)
	}
	t.Run("at once", func(t *testing.T) {
		for _, r := range []row{
			{"transport", (*conformance).transport},
			{"discovery", (*conformance).discovery},
			{"keys", (*conformance).publicKeys},
			{"ID token", (*conformance).idToken},
			{"client authentication", (*conformance).clientAuthentication},
			{"scopes", (*conformance).scopes},
			{"userinfo", (*conformance).userinfoRequests},
			{"authorization request", (*conformance).authorization},
			{"hints", (*conformance).hints},
			{"claims parameter", (*conformance).claimsParameter},
			{"request object", (*conformance).requestObject},
			{"redirect_uri", (*conformance).redirectURI},
			{"refresh", (*conformance).refreshing},
			{"PKCE", (*conformance).pkce},
			{"form_post", (*conformance).formPost},
			{"RP-initiated logout", (*conformance).logout},
			{"back-channel logout", (*conformance).backchannel},
		} {
			t.Run(r.area, func(t *testing.T) { t.Parallel(); r.try(c, t) })
		}
	})
	// These move the clock, so that nobody waits.
	for _, r := range []row{
		{"prompt", (*conformance).prompt},
		{"max_age", (*conformance).maxAge},
		{"code used twice", (*conformance).codeReuse},
		{"RP-initiated logout, expired hint", (*conformance).expiredHint},
	} {
		t.Run(r.area, func(t *testing.T) { r.try(c, t) })
	}
}

// -- discovery -------------------------------------------------------------------------------------------------------------

func (c *conformance) transport(t *testing.T) {
	host := strings.TrimPrefix(c.app.Auth, "https://")
	if old, err := tls.Dial("tcp", host, &tls.Config{RootCAs: c.app.roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		old.Close()
		t.Error("TLS 1.1 is spoken")
	}
	for member, v := range c.metadata {
		address, _ := v.(string)
		if !strings.HasSuffix(member, "_endpoint") && !strings.HasSuffix(member, "_uri") {
			continue
		}
		if !strings.HasPrefix(address, c.app.Auth+"/") {
			t.Errorf("%s is at %q, not on %s", member, address, c.app.Auth)
			continue
		}
		answer, err := c.http.PostForm(address, nil)
		if member == "jwks_uri" {
			answer, err = c.http.Get(address)
		}
		if err != nil {
			t.Errorf("%s: %v", member, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusNotFound || answer.StatusCode >= 500 || answer.TLS == nil || answer.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%s answers %d", member, answer.StatusCode)
		}
		plain, err := c.http.Get("http" + strings.TrimPrefix(address, "https"))
		if err != nil {
			continue // nobody speaks plain HTTP there
		}
		plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("%s answers %d to plain HTTP", member, plain.StatusCode)
		}
	}
}

// registeredMetadata is what a provider may say of itself, by the registries of OpenID Connect and OAuth, and as what.
var registeredMetadata = map[string][]string{
	"address": {"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint", "service_documentation",
		"op_policy_uri", "op_tos_uri", // Discovery 1.0, RFC 8414
		"revocation_endpoint", "introspection_endpoint",
		"end_session_endpoint",                  // RP-Initiated Logout 1.0
		"pushed_authorization_request_endpoint", // RFC 9126
		"device_authorization_endpoint"},        // RFC 8628
	"texts": {"scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported", "acr_values_supported", "subject_types_supported",
		"id_token_signing_alg_values_supported", "userinfo_signing_alg_values_supported", "token_endpoint_auth_methods_supported",
		"token_endpoint_auth_signing_alg_values_supported", "display_values_supported", "claim_types_supported", "claims_supported", "claims_locales_supported",
		"ui_locales_supported", "code_challenge_methods_supported", "revocation_endpoint_auth_methods_supported",
		"revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint_auth_methods_supported",
		"introspection_endpoint_auth_signing_alg_values_supported",
		"prompt_values_supported",                     // Initiating User Registration 1.0
		"dpop_signing_alg_values_supported",           // RFC 9449
		"introspection_signing_alg_values_supported"}, // RFC 9701
	"yes or no": {"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration",
		"backchannel_logout_supported", "backchannel_logout_session_supported", // Back-Channel Logout 1.0
		"require_pushed_authorization_requests",           // RFC 9126
		"authorization_response_iss_parameter_supported"}, // RFC 9207
}

func (c *conformance) discovery(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		status, header, said := c.json(t, http.MethodGet, c.app.Auth+path, nil)
		if media, _, _ := strings.Cut(header.Get("Content-Type"), ";"); status != http.StatusOK || media != "application/json" {
			t.Errorf("%s: %d %q", path, status, header.Get("Content-Type"))
		}
		if said["issuer"] != c.app.Auth || !reflect.DeepEqual(said, c.metadata) {
			t.Errorf("%s says %v", path, said)
		}
	}
	for member, v := range c.metadata {
		ok, as := false, ""
		for kind, members := range registeredMetadata {
			if slices.Contains(members, member) {
				as = kind
			}
		}
		switch as {
		case "address":
			s, _ := v.(string)
			u, err := url.Parse(s)
			ok = err == nil && u.Scheme == "https" && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(s, "/")
		case "texts":
			list := texts(v)
			sorted := slices.Compact(slices.Sorted(slices.Values(list)))
			ok = len(list) > 0 && len(sorted) == len(list) && !slices.Contains(list, "") // an empty list is left out (RFC 8414 3.2)
		case "yes or no":
			_, ok = v.(bool)
		}
		if !ok {
			t.Errorf("%s: %v; the registries know it as %q", member, v, as)
		}
	}
	for member, must := range map[string][]string{
		"scopes_supported": {"openid", "profile", "email", "address", "phone", "offline_access"}, "response_types_supported": {"code"},
		"response_modes_supported": {"query", "form_post"}, "grant_types_supported": {"authorization_code", "refresh_token"}, "subject_types_supported": {"public"},
		"id_token_signing_alg_values_supported": {"RS256"}, "token_endpoint_auth_methods_supported": {"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported": {"S256"}, "claim_types_supported": {"normal"}, "ui_locales_supported": {"fr", "en"},
		"claims_supported": append([]string{"sub", "iss", "auth_time", "acr"}, standardClaims...),
	} {
		for _, one := range must {
			if !slices.Contains(texts(c.metadata[member]), one) {
				t.Errorf("%s lacks %s: %v", member, one, c.metadata[member])
			}
		}
	}
	for _, scope := range texts(c.metadata["scopes_supported"]) {
		if !regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`).MatchString(scope) { // RFC 6749 3.3
			t.Errorf("the scope %q", scope)
		}
	}
	for _, member := range []string{"ui_locales_supported", "claims_locales_supported"} {
		for _, tag := range texts(c.metadata[member]) {
			if !regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$`).MatchString(tag) { // RFC 5646 2.1.1
				t.Errorf("%s: %q", member, tag)
			}
		}
	}
	// Said, since each is assumed to be true or is asked for here. What is said to be there is tried by other rows.
	for member, want := range map[string]bool{"claims_parameter_supported": true, "request_parameter_supported": false, "request_uri_parameter_supported": false,
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true, "authorization_response_iss_parameter_supported": true} {
		if c.metadata[member] != want {
			t.Errorf("%s: %v", member, c.metadata[member])
		}
	}
}

func (c *conformance) publicKeys(t *testing.T) {
	_, header, set := c.json(t, http.MethodGet, c.text("jwks_uri"), nil)
	if media, _, _ := strings.Cut(header.Get("Content-Type"), ";"); media != "application/json" && media != "application/jwk-set+json" {
		t.Errorf("type %q", header.Get("Content-Type"))
	}
	keys, _ := set["keys"].([]any)
	kids := map[any]bool{}
	for _, k := range keys {
		key, _ := k.(map[string]any)
		var parts []string
		switch key["kty"] {
		case "RSA":
			parts = []string{"n", "e"}
		case "EC":
			parts = []string{"x", "y"}
		}
		for _, part := range parts {
			s, _ := key[part].(string)
			b, err := base64.RawURLEncoding.DecodeString(s)
			if err != nil || len(b) == 0 || part == "n" && (len(b) < 256 || b[0] == 0) {
				t.Errorf("%s of the key %v is %v", part, key["kid"], key[part])
			}
		}
		if kid, _ := key["kid"].(string); parts == nil || kid == "" || kids[kid] || key["use"] != "sig" || key["alg"] == nil {
			t.Errorf("the key %v", key)
		}
		kids[key["kid"]] = true
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if key[secret] != nil {
				t.Errorf("the key %v shows %q", key["kid"], secret)
			}
		}
	}
	if len(keys) == 0 {
		t.Errorf("no keys: %v", set)
	}
}

// -- what comes of a sign-in -----------------------------------------------------------------------------------------------

func (c *conformance) idToken(t *testing.T) {
	b := c.signedIn(t)
	c.enter(t, b, c.basic)
	// redeem has looked at the rest, of this one and of every other.
	if g := c.enter(t, b, c.basic, "nonce", ""); g.id["nonce"] != nil {
		t.Errorf("a nonce that was never sent: %v", g.id)
	}
	if g := c.enter(t, b, c.basic, "max_age", "10000"); g.id["auth_time"] == nil {
		t.Errorf("no auth_time: %v", g.id)
	}
	if g := c.enter(t, b, c.basic, "state", ""); g.answer.got.Has("state") {
		t.Errorf("a state that was never sent: %v", g.answer.got)
	}
}

func (c *conformance) clientAuthentication(t *testing.T) {
	b := c.signedIn(t)
	for _, client := range []*relyingClient{c.basic, c.post, c.second} {
		c.enter(t, b, client)
	}
	for name, wrong := range map[string]*relyingClient{
		"another secret": {c.basic.id, c.second.secret, "basic"}, "nobody": {"nobody", c.basic.secret, "basic"}, "the wrong method": {c.post.id, c.post.secret, "basic"},
	} {
		g := c.token(t, wrong, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "redirect_uri": {c.callback}})
		if g.status != http.StatusUnauthorized || g.body["error"] != "invalid_client" || !strings.HasPrefix(g.header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %d %v %v", name, g.status, g.body, g.header)
		}
	}
}

// standardClaims are those of OpenID Connect Core 5.1 besides sub, all of which the account of the plans has.
var standardClaims = slices.Concat(slices.Sorted(maps.Keys(profileClaims)), []string{"email", "email_verified", "phone_number", "phone_number_verified", "address"})

var profileClaims = map[string]string{"name": "text", "given_name": "text", "family_name": "text", "middle_name": "text", "nickname": "text",
	"preferred_username": "text", "profile": "address", "picture": "address", "website": "address", "gender": "text", "birthdate": "date",
	"zoneinfo": "zone", "locale": "language", "updated_at": "number"}

var scopeClaims = map[string]map[string]string{
	"profile": profileClaims,
	"email":   {"email": "email", "email_verified": "yes"},
	"address": {"address": "postal"},
	"phone":   {"phone_number": "phone", "phone_number_verified": "yes"},
}

// claimIs says whether a claim has the JSON type and the form of OpenID Connect Core 5.1.
func claimIs(v any, kind string) bool {
	s, text := v.(string)
	like := func(form string) bool { return text && regexp.MustCompile(form).MatchString(s) }
	switch kind {
	case "text":
		return text && s != ""
	case "address":
		u, err := url.Parse(s)
		return text && err == nil && u.Scheme == "https"
	case "date":
		_, err := time.Parse(time.DateOnly, s)
		return err == nil
	case "zone":
		_, err := time.LoadLocation(s)
		return text && s != "" && err == nil
	case "language":
		return like(`^[a-z]{2,3}(-[A-Z]{2})?$`)
	case "email":
		return like(`^[^@ ]+@[^@ ]+$`)
	case "phone":
		return like(`^\+[0-9 ]+$`)
	case "number":
		n, ok := v.(float64)
		return ok && n == float64(int64(n)) && n > 1e9 && n < 1e10 // seconds
	case "yes":
		_, ok := v.(bool)
		return ok
	case "postal":
		parts, _ := v.(map[string]any)
		formatted, _ := parts["formatted"].(string)
		return formatted != ""
	}
	return false
}

func (c *conformance) scopes(t *testing.T) {
	b := c.signedIn(t)
	all := map[string]any{}
	for _, scope := range []string{"openid", "openid profile", "openid email", "openid address", "openid phone", "openid profile email address phone",
		"phone address email openid profile", "email phone profile address openid"} {
		g := c.enter(t, b, c.basic, "scope", scope)
		_, info := c.userinfo(t, "header", g.access)
		want := map[string]string{"sub": "text"}
		for one := range strings.FieldsSeq(scope) {
			maps.Copy(want, scopeClaims[one])
		}
		for claim, kind := range want {
			if !claimIs(info[claim], kind) {
				t.Errorf("%s: %s is %#v, not %q", scope, claim, info[claim], kind)
			}
			if said := c.claims[claim]; said != nil && !reflect.DeepEqual(info[claim], said) {
				t.Errorf("%s: %s is %v, want %v", scope, claim, info[claim], said)
			}
		}
		for claim := range info {
			if want[claim] == "" {
				t.Errorf("%s: %s was not asked for", scope, claim)
			}
		}
		if len(want) < len(standardClaims) {
			continue
		}
		if len(all) > 0 && !reflect.DeepEqual(info, all) {
			t.Errorf("%s: another order, another answer: %v", scope, info)
		}
		all = info
	}
}

func (c *conformance) userinfoRequests(t *testing.T) {
	g := c.enter(t, c.signedIn(t), c.basic, "scope", "openid profile")
	var first map[string]any
	for _, how := range []string{"header", "post", "body"} {
		status, info := c.userinfo(t, how, g.access)
		if status != http.StatusOK || info["sub"] != g.id["sub"] || first != nil && !reflect.DeepEqual(info, first) {
			t.Errorf("%s: %d %v", how, status, info)
		}
		first = info
		if status, _ := c.userinfo(t, how, g.access[:len(g.access)-3]+"AAA"); status != http.StatusUnauthorized {
			t.Errorf("%s, with another token: %d", how, status)
		}
	}
}

// -- the authorization request -----------------------------------------------------------------------------------------------

func (c *conformance) authorization(t *testing.T) {
	b := c.signedIn(t)
	for _, with := range [][]string{{"extra", "foobar"}, {"display", "page"}, {"display", "popup"}, {"scope", "openid unknown"}} {
		c.enter(t, b, c.basic, with...)
	}
	// The order of the parameters says nothing.
	q := c.request(c.basic)
	var pairs []string
	for _, name := range []string{"state", "scope", "response_type", "redirect_uri", "nonce", "client_id"} {
		pairs = append(pairs, name+"="+url.QueryEscape(q.Get(name)))
	}
	b.Open(c.text("authorization_endpoint") + "?" + strings.Join(pairs, "&"))
	c.redeem(t, c.basic, c.arrive(t, b, q))
	// A form of the client's.
	for name, b := range map[string]*Browser{"nobody signed in": c.app.Browser(t), "signed in": b} {
		a := c.postRequest(t, b, c.request(c.basic))
		if a.signedIn != (name == "nobody signed in") {
			t.Errorf("posted, %s: asked to sign in %t", name, a.signedIn)
		}
		c.redeem(t, c.basic, a)
	}
	for _, mode := range []string{"", "form_post"} {
		a := c.ask(t, b, c.basic, "response_type", "", "response_mode", mode)
		if e := a.failed(); e != "invalid_request" && e != "unsupported_response_type" || !strings.Contains(a.got.Get("error_description"), "response_type") {
			t.Errorf("no response_type: %v", a.got)
		}
	}
}

func (c *conformance) hints(t *testing.T) {
	b := c.signedIn(t)
	g := c.enter(t, b, c.basic)
	levels := texts(c.metadata["acr_values_supported"])
	for _, with := range [][]string{{"login_hint", Marie.Email}, {"login_hint", "somebody@else.example"}, {"ui_locales", "se"}, {"ui_locales", "en-GB fr"},
		{"claims_locales", "se"}, {"acr_values", "1 2"}, {"acr_values", strings.Join(levels, " ")}, {"id_token_hint", g.raw}} {
		again := c.enter(t, b, c.basic, with...)
		if acr, _ := again.id["acr"].(string); again.answer.signedIn || again.id["sub"] != g.id["sub"] || !slices.Contains(levels, acr) {
			t.Errorf("%v: asked to sign in %t, %v", with, again.answer.signedIn, again.id)
		}
	}
	// The hint fills the form.
	b = c.app.Browser(t)
	b.Open(c.text("authorization_endpoint") + "?" + c.request(c.basic, "login_hint", Marie.Email, "ui_locales", "en").Encode())
	if p := b.At("login"); p.Value("email") != Marie.Email || p.Language() != "en" {
		t.Errorf("the sign-in page in %q has %q", p.Language(), p.Value("email"))
	}
}

func (c *conformance) claimsParameter(t *testing.T) {
	g := c.enter(t, c.signedIn(t), c.basic, "claims", `{"userinfo":{"name":{"essential":true}}}`)
	if _, info := c.userinfo(t, "header", g.access); info["name"] != Marie.First+" "+Marie.Last {
		t.Errorf("userinfo %v", info)
	}
}

func (c *conformance) requestObject(t *testing.T) {
	b := c.signedIn(t)
	object := func(q url.Values) string {
		inside := map[string]string{"iss": c.basic.id, "aud": c.app.Auth}
		for name := range q {
			inside[name] = q.Get(name)
		}
		claims, _ := json.Marshal(inside)
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims) + "."
	}
	inner := c.request(c.basic)
	for name, with := range map[string][]string{
		"the same inside":           {"request", object(inner)},
		"another redirect_uri":      {"request", object(c.request(c.basic, "redirect_uri", c.callback+"_invalid"))},
		"another person's request":  {"request", object(c.request(c.second))},
		"what is no request object": {"request", "x"},
	} {
		if a := c.ask(t, b, c.basic, with...); a.failed() != "request_not_supported" || a.got.Get("state") != a.sent.Get("state") {
			t.Errorf("%s: %v", name, a.got)
		}
	}
	if a := c.ask(t, b, c.basic, "request_uri", c.suite+"/test/a/portique/request.jwt"); a.failed() != "request_uri_not_supported" {
		t.Errorf("request_uri: %v", a.got)
	}
	// Right inside, wrong outside: an error, for nothing inside counts.
	c.refusedOnPage(t, b, c.request(c.basic, "redirect_uri", c.callback+"_invalid", "request", object(inner)), "redirect_uri")
}

func (c *conformance) redirectURI(t *testing.T) {
	for _, b := range []*Browser{c.app.Browser(t), c.signedIn(t)} {
		for _, uri := range []string{c.callback + "/" + rand.Text(), c.callback + "?x=y", c.suite + "/", ""} {
			c.refusedOnPage(t, b, c.request(c.basic, "redirect_uri", uri), "redirect_uri")
		}
		c.refusedOnPage(t, b, c.request(&relyingClient{id: "nobody"}), "client_id")
	}
}

// refusedOnPage sends a request that only a page may answer; it names the parameter.
func (c *conformance) refusedOnPage(t *testing.T, b *Browser, q url.Values, parameter string) {
	t.Helper()
	b.Open(c.text("authorization_endpoint") + "?" + q.Encode())
	if p := b.At("error"); p.Status != http.StatusBadRequest || !p.Has(parameter) || len(b.Hops) != 1 {
		t.Errorf("%s: %d, %s\n%s", parameter, p.Status, p.Text(), b.trail())
	}
}

func (c *conformance) pkce(t *testing.T) {
	b := c.signedIn(t)
	verifier := strings.ToLower(rand.Text() + rand.Text())
	sum := sha256.Sum256([]byte(verifier))
	with := []string{"code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method", "S256"}
	c.redeem(t, c.basic, c.ask(t, b, c.basic, with...), "code_verifier", verifier)
	c.enter(t, b, c.basic) // without any
	for _, wrong := range []string{"", strings.Repeat("a", 43)} {
		a := c.ask(t, b, c.basic, with...)
		if g := c.token(t, c.basic, c.redemption(a, "code_verifier", wrong)); g.status != http.StatusBadRequest || g.body["error"] != "invalid_grant" {
			t.Errorf("verifier %q: %d %v", wrong, g.status, g.body)
		}
	}
}

func (c *conformance) refreshing(t *testing.T) {
	b := c.signedIn(t)
	with := []string{"scope", "openid offline_access", "prompt", "consent"}
	ask := func(client *relyingClient) grant {
		t.Helper()
		g := c.enter(t, b, client, with...)
		if !regexp.MustCompile(`^[\x20-\x7E]+$`).MatchString(g.refresh) || !g.answer.agreed {
			t.Fatalf("refresh token %q, asked for consent %t", g.refresh, g.answer.agreed)
		}
		return g
	}
	g := ask(c.basic)
	again := c.token(t, c.basic, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.refresh}})
	if again.status != http.StatusOK || again.access == "" || again.access == g.access {
		t.Fatalf("%d %v", again.status, again.body)
	}
	c.check(t, c.basic, &again, "")
	for _, claim := range []string{"iss", "sub", "aud", "auth_time", "azp", "sid", "acr"} { // Core 12.2
		if !reflect.DeepEqual(again.id[claim], g.id[claim]) {
			t.Errorf("%s was %v and is %v", claim, g.id[claim], again.id[claim])
		}
	}
	if n := again.id["nonce"]; n != nil && n != g.id["nonce"] {
		t.Errorf("nonce %v", n)
	}
	if status, _ := c.userinfo(t, "header", again.access); status != http.StatusOK {
		t.Errorf("userinfo after a refresh: %d", status)
	}
	g = ask(c.second)
	if stolen := c.token(t, c.basic, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.refresh}}); stolen.status != http.StatusBadRequest || stolen.body["error"] != "invalid_grant" {
		t.Errorf("the second client's, by the first: %d %v", stolen.status, stolen.body)
	}
}

// formPost is the plan that asks the same once more, the answer coming by a form.
func (c *conformance) formPost(t *testing.T) {
	mode := []string{"response_mode", "form_post"}
	b := c.app.Browser(t)
	if a := c.ask(t, b, c.basic, append(mode, "prompt", "none")...); a.failed() != "login_required" || a.method != http.MethodPost {
		t.Errorf("prompt=none, signed out: %s %v", a.method, a.got)
	}
	b = c.signedIn(t)
	for _, with := range [][]string{nil, {"nonce", ""}, {"prompt", "none"}, {"scope", "profile openid phone email address"}, {"display", "popup"}, {"extra", "foobar"},
		{"max_age", "10000"}, {"login_hint", Marie.Email}, {"ui_locales", "se"}, {"acr_values", "1 2"}, {"claims", `{"userinfo":{"name":{"essential":true}}}`}} {
		g := c.enter(t, b, c.basic, append(mode, with...)...)
		if g.answer.method != http.MethodPost {
			t.Errorf("%v: arrived by %s", with, g.answer.method)
		}
		if status, info := c.userinfo(t, "header", g.access); status != http.StatusOK || info["sub"] != g.id["sub"] {
			t.Errorf("%v: userinfo %d %v", with, status, info)
		}
	}
	c.enter(t, b, c.post, mode...)
	a := c.postRequest(t, b, c.request(c.basic, mode...))
	c.redeem(t, c.basic, a)
	if again := c.token(t, c.basic, c.redemption(a)); again.body["error"] != "invalid_grant" {
		t.Errorf("the same code again: %d %v", again.status, again.body)
	}
	if a := c.ask(t, b, c.basic, append(mode, "request", "x")...); a.failed() != "request_not_supported" {
		t.Errorf("a request object: %v", a.got)
	}
	c.refusedOnPage(t, b, c.request(c.basic, append(mode, "redirect_uri", c.callback+"/x")...), "redirect_uri")
}

// -- with the clock ----------------------------------------------------------------------------------------------------------

func (c *conformance) prompt(t *testing.T) {
	b := c.app.Browser(t)
	if a := c.ask(t, b, c.basic, "prompt", "none"); a.failed() != "login_required" || a.signedIn {
		t.Errorf("none, signed out: %v", a.got)
	}
	g := c.enter(t, b, c.basic)
	c.app.Advance(t, 2*time.Second)
	for _, with := range [][]string{{"prompt", "none"}, {"prompt", "none", "id_token_hint", g.raw}} {
		again := c.enter(t, b, c.basic, with...)
		if again.answer.signedIn || again.id["sub"] != g.id["sub"] || again.id["auth_time"] != g.id["auth_time"] {
			t.Errorf("%v: %v", with, again.id)
		}
	}
	again := c.enter(t, b, c.basic, "prompt", "login")
	if !again.answer.signedIn || again.id["sub"] != g.id["sub"] || again.id["auth_time"].(float64) <= g.id["auth_time"].(float64) {
		t.Errorf("login: signed in again %t, %v", again.answer.signedIn, again.id)
	}
}

func (c *conformance) maxAge(t *testing.T) {
	b := c.app.Browser(t)
	g := c.enter(t, b, c.basic)
	c.app.Advance(t, 2*time.Second)
	if again := c.enter(t, b, c.basic, "max_age", "10000"); again.answer.signedIn || again.id["auth_time"] != g.id["auth_time"] {
		t.Errorf("10000: %v", again.id)
	}
	again := c.enter(t, b, c.basic, "max_age", "1")
	if !again.answer.signedIn || again.id["auth_time"].(float64) <= g.id["auth_time"].(float64) || again.id["sub"] != g.id["sub"] {
		t.Errorf("1: signed in again %t, %v", again.answer.signedIn, again.id)
	}
}

func (c *conformance) codeReuse(t *testing.T) {
	b := c.app.Browser(t)
	for _, later := range []time.Duration{0, 31 * time.Second} {
		a := c.ask(t, b, c.basic)
		g := c.redeem(t, c.basic, a)
		c.app.Advance(t, later)
		if status, _ := c.userinfo(t, "header", g.access); status != http.StatusOK {
			t.Errorf("after %s: userinfo %d", later, status)
		}
		if again := c.token(t, c.basic, c.redemption(a)); again.status != http.StatusBadRequest || again.body["error"] != "invalid_grant" {
			t.Errorf("after %s: %d %v", later, again.status, again.body)
		}
		if status, _ := c.userinfo(t, "header", g.access); status != http.StatusUnauthorized {
			t.Errorf("after %s: what the first use gave still opens userinfo: %d", later, status)
		}
	}
}

func (c *conformance) expiredHint(t *testing.T) {
	b := c.app.Browser(t)
	g := c.enter(t, b, c.basic)
	c.app.Advance(t, 10*time.Minute)
	if exp, _ := g.id["exp"].(float64); int64(exp) >= c.app.now().Unix() {
		t.Fatalf("not expired: %v", g.id)
	}
	c.leave(t, b, "id_token_hint", g.raw, "post_logout_redirect_uri", c.afterLogout, "state", "s")
	c.left(t, b, url.Values{"state": {"s"}})
	c.out(t, b)
}

// -- signing out -------------------------------------------------------------------------------------------------------------

func (c *conformance) logout(t *testing.T) {
	state := strings.Repeat("s-._~AZ9", 16) // the plan's has 128 signs
	staying := c.signedIn(t)
	held := c.enter(t, staying, c.basic)
	const back, here, asked = "back at the client", "signed out, with us", "asked first"
	for _, m := range []struct {
		module    string
		hint, uri string
		state     string
		then      string
		presses   bool // does what is asked; the others share one session, which so must last
	}{
		{"everything right", "right", c.afterLogout, state, back, false},
		{"no state", "right", c.afterLogout, "", back, false},
		{"no post_logout_redirect_uri", "right", "", state, here, false},
		{"no parameters", "", "", "", asked, true},
		{"only state", "", "", state, asked, true},
		{"no id_token_hint", "", c.afterLogout, state, asked, false},
		{"unregistered address", "right", c.afterLogout + "/" + rand.Text(), state, asked, false},
		{"query added to the address", "right", c.afterLogout + "?foo=bar", state, asked, false},
		{"hint changed to alg none", "unsigned", c.afterLogout, state, asked, true},
		{"hint signed by somebody else", "forged", c.afterLogout, state, asked, false},
		{"hint that is no token", "x", c.afterLogout, state, asked, false},
	} {
		t.Run(m.module, func(t *testing.T) {
			t.Parallel()
			b, g := c.app.Browser(t), held
			if b.restore(staying.everyCookie()); m.presses || m.then != asked {
				b = c.app.Browser(t)
				g = c.enter(t, b, c.basic)
			}
			hint := m.hint
			switch hint {
			case "right":
				hint = g.raw
			case "unsigned":
				hint = unsigned(g.raw)
			case "forged":
				hint = c.forged(t, g.raw)
			}
			p := c.leave(t, b, "id_token_hint", hint, "post_logout_redirect_uri", m.uri, "state", m.state)
			if m.then == asked {
				if p.Main() != "logout-confirm" || len(b.Hops) != 1 {
					t.Fatalf("not asked: %s\n%s", p, b.trail())
				}
				if status, _ := c.userinfo(t, "header", g.access); status != http.StatusOK {
					t.Errorf("signed out without a question: userinfo %d", status)
				}
				if !m.presses {
					return
				}
				b.pressID("logout-confirm")
			}
			want := url.Values{}
			if m.state != "" {
				want.Set("state", m.state)
			}
			if m.then == back {
				c.left(t, b, want)
			} else if b.At("signed-out"); b.Went(c.suite) {
				t.Errorf("the client was gone to:\n%s", b.trail())
			}
			c.out(t, b)
			if status, _ := c.userinfo(t, "header", g.access); status != http.StatusUnauthorized {
				t.Errorf("userinfo after the sign-out: %d", status)
			}
		})
	}
}

func (c *conformance) backchannel(t *testing.T) {
	for name, leave := range map[string]*relyingClient{"by the client itself": c.basic, "by the second client": c.second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := c.app.Browser(t)
			g := c.enter(t, b, c.basic)
			hint := g
			if leave != c.basic {
				hint = c.enter(t, b, leave)
			}
			if !claimIs(g.id["sid"], "text") {
				t.Fatalf("the ID token has no sid: %v", g.id)
			}
			c.leave(t, b, "id_token_hint", hint.raw, "post_logout_redirect_uri", c.afterLogout, "state", "s")
			c.left(t, b, url.Values{"state": {"s"}})
			c.out(t, b)

			var token *jwt.JSONWebToken
			var claims map[string]any
			until(t, "the notice", func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				for _, n := range c.notices {
					claims = map[string]any{}
					one, err := jwt.ParseSigned(n.form.Get("logout_token"), []jose.SignatureAlgorithm{jose.RS256})
					if err != nil || n.media != "application/x-www-form-urlencoded" || len(n.form) != 1 {
						t.Errorf("a notice %v of type %q: %v", n.form, n.media, err)
						continue
					}
					if one.UnsafeClaimsWithoutVerification(&claims) == nil && claims["sid"] == g.id["sid"] {
						token = one
						return true
					}
				}
				return false
			})
			header := token.Headers[0]
			if err := token.Claims(c.keys[header.KeyID], &claims); err != nil || header.ExtraHeaders[jose.HeaderType] != "logout+jwt" {
				t.Fatalf("%v: %v", header, err)
			}
			events, _ := claims["events"].(map[string]any)
			event, there := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any)
			now := float64(c.app.now().Unix())
			iat, _ := claims["iat"].(float64)
			exp, _ := claims["exp"].(float64)
			if claims["iss"] != c.app.Auth || claims["aud"] != c.basic.id || claims["sub"] != g.id["sub"] || !claimIs(claims["jti"], "text") || claims["nonce"] != nil ||
				!there || len(event) != 0 || len(events) != 1 || iat > now+5 || iat < now-60 || exp <= iat {
				t.Errorf("the logout token says %v", claims)
			}
		})
	}
}

// leave goes to the sign-out with those parameters; an empty value leaves one out.
func (c *conformance) leave(t *testing.T, b *Browser, with ...string) *Page {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(with); i += 2 {
		if with[i+1] != "" {
			q.Set(with[i], with[i+1])
		}
	}
	return b.Open(c.text("end_session_endpoint") + "?" + q.Encode())
}

// left checks that the browser is back at the client, which got exactly that.
func (c *conformance) left(t *testing.T, b *Browser, want url.Values) {
	t.Helper()
	if got := b.Page().URL; b.Page().Status != http.StatusOK || !strings.HasPrefix(got.String(), c.afterLogout) || !reflect.DeepEqual(got.Query(), want) {
		t.Errorf("after the sign-out at %s, not at %s with %v\n%s", b.Page(), c.afterLogout, want, b.trail())
	}
}

// out checks that nobody is signed in any more.
func (c *conformance) out(t *testing.T, b *Browser) {
	t.Helper()
	if a := c.ask(t, b, c.basic, "prompt", "none"); a.failed() != "login_required" {
		t.Errorf("still signed in: %v", a.got)
	}
}

// unsigned is a token that claims the same without a signature.
func unsigned(token string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(token, ".")[1] + "."
}

// forged is a token that claims the same, signed by a key of ours under the name of the provider's key of that kind.
func (c *conformance) forged(t *testing.T, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	stolen := jose.JSONWebKey{Key: c.stranger}
	for kid, key := range c.keys {
		if _, same := key.(*ecdsa.PublicKey); same {
			stolen.KeyID = kid
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: stolen}, nil)
	if err != nil || stolen.KeyID == "" {
		t.Fatalf("forging in the name of %q: %v", stolen.KeyID, err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	s, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

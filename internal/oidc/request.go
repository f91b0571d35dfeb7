package oidc

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"portique"
)

// How much of what is sent is read or kept, in bytes.
const (
	maxForm  = 64 << 10 // a body, and a query
	maxState = 4 << 10
	maxNonce = 1 << 10
	maxAsked = 8 << 10 // the claims parameter
)

// request is an authorization request once it was checked (RFC 6749 4.1.1,
// OpenID Connect Core 3.1.2.1). It is kept with the pending authorization.
type request struct {
	ClientID     string         `json:"client_id"`
	RedirectURI  string         `json:"redirect_uri"`
	ResponseMode string         `json:"response_mode,omitempty"` // query when empty
	State        string         `json:"state,omitempty"`
	Scope        string         `json:"scope"` // those we know, in the order asked
	Nonce        string         `json:"nonce,omitempty"`
	Challenge    string         `json:"code_challenge,omitempty"` // S256
	Prompt       []string       `json:"prompt,omitempty"`
	MaxAge       *int64         `json:"max_age,omitempty"` // seconds
	EmailHint    string         `json:"login_hint,omitempty"`
	CompanyHint  string         `json:"company_hint,omitempty"`
	Language     string         `json:"ui_locales,omitempty"` // the first of ui_locales that we speak
	Subject      string         `json:"sub,omitempty"`        // the only person who will do
	DPoPKey      string         `json:"dpop_jkt,omitempty"`   // thumbprint of the key that redeems the code (RFC 9449 10)
	Claims       claimsAskedFor `json:"claims,omitzero"`
}

// claimsAskedFor are the claims asked for one by one (Core 5.5), by place.
type claimsAskedFor struct {
	IDToken  []string `json:"id_token,omitempty"`
	Userinfo []string `json:"userinfo,omitempty"`
}

func (q *request) asks(prompt string) bool { return slices.Contains(q.Prompt, prompt) }

// readQuery reads the parameters of a GET.
func readQuery(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxForm {
		return nil, errTooLarge
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errBadRequest
	}
	return v, nil
}

// readForm reads the parameters of a POST: those of its body, never those of
// its address. The body stays readable through r.PostForm.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errMediaType
	}
	if r.ContentLength > maxForm {
		return nil, errTooLarge // before a byte of it is read
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	query := r.URL.RawQuery
	r.URL.RawQuery = "" // it counts for nothing, so neither does what is wrong with it
	err := r.ParseForm()
	r.URL.RawQuery = query
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, errTooLarge
		}
		return nil, errBadRequest
	}
	return r.PostForm, nil
}

// twice returns a parameter that was sent more than once (RFC 6749 3.1), or "".
// A resource or an audience may be.
func twice(v url.Values) string {
	for _, name := range slices.Sorted(keysOf(v)) {
		if len(v[name]) > 1 && name != "resource" && name != "audience" {
			return describe(name)
		}
	}
	return ""
}

func keysOf(v url.Values) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range v {
			if !yield(k) {
				return
			}
		}
	}
}

// addressee reads who asks and where the answer goes, before anything else:
// only a registered client and address may be answered.
func addressee(v url.Values) (*request, error) {
	if len(v["client_id"]) != 1 || !plausible(v.Get("client_id")) {
		return nil, errClientUnknown
	}
	if len(v["redirect_uri"]) != 1 {
		return nil, errRedirectUnknown
	}
	q := &request{ClientID: v.Get("client_id"), RedirectURI: v.Get("redirect_uri")}
	if len(v["state"]) == 1 {
		q.State = v.Get("state")
	}
	if mode := v["response_mode"]; len(mode) == 1 && slices.Contains(responseModes, mode[0]) {
		q.ResponseMode = mode[0]
	}
	return q, nil
}

// plausible says whether an id from outside may be looked up at all.
func plausible(id string) bool { return idForm.MatchString(id) }

var (
	idForm    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`) // of S256 (RFC 7636 4.2)
)

// read checks the rest of an authorization request for a tool; the refusal goes
// to the redirect address. hint is the verified id_token_hint, if any.
func (q *request) read(v url.Values, t *portique.Tool, hint *hint) *refusal {
	if name := twice(v); name != "" {
		return refuse("invalid_request", "the parameter "+name+" was sent more than once")
	}
	for name, value := range v {
		if s := strings.Join(value, ""); !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
			return refuse("invalid_request", "the parameter "+name+" is not text in UTF-8")
		}
	}
	for name, longest := range map[string]int{"state": maxState, "nonce": maxNonce, "claims": maxAsked, "scope": maxState, "prompt": maxNonce} {
		if len(v.Get(name)) > longest {
			if name == "state" {
				q.State = "" // nobody's, and not to be sent back
			}
			return refuse("invalid_request", "the parameter "+name+" is longer than "+strconv.Itoa(longest)+" bytes")
		}
	}
	switch {
	case v.Get("request") != "":
		return refuse("request_not_supported", "request objects are not supported: send plain parameters")
	case v.Get("request_uri") != "":
		return refuse("request_uri_not_supported", "request_uri is not supported: send plain parameters")
	case v.Get("registration") != "":
		return refuse("registration_not_supported", "registration is not supported")
	case v.Get("response_mode") != "" && q.ResponseMode == "":
		return refuse("invalid_request", "response_mode is query or form_post")
	}
	switch v.Get("response_type") {
	case "code":
	case "":
		return refuse("invalid_request", "response_type is missing")
	default:
		return refuse("unsupported_response_type", "response_type is code")
	}
	if r := q.readScope(v.Get("scope")); r != nil {
		return r
	}
	if r := q.readChallenge(v, t); r != nil {
		return r
	}
	if r := q.readPrompt(v.Get("prompt")); r != nil {
		return r
	}
	if s := v.Get("max_age"); s != "" {
		age, err := strconv.ParseInt(s, 10, 64)
		if err != nil || age < 0 {
			return refuse("invalid_request", "max_age is a number of seconds")
		}
		q.MaxAge = &age
	}
	if v.Get("id_token_hint") != "" {
		if !hint.of(q.ClientID) {
			return refuse("invalid_request", "id_token_hint is not an ID token of ours for this client")
		}
		q.Subject = hint.Subject
	}
	if r := q.readClaims(v.Get("claims")); r != nil {
		return r
	}
	if q.DPoPKey = v.Get("dpop_jkt"); q.DPoPKey != "" && !challenge.MatchString(q.DPoPKey) {
		return refuse("invalid_request", "dpop_jkt is the base64url SHA-256 thumbprint of a key")
	}
	q.Nonce = v.Get("nonce")
	q.EmailHint = cut(portique.CleanText(v.Get("login_hint")), 254)
	q.Language = spoken(v.Get("ui_locales"))
	q.readCompanyHint(v.Get("company_hint"))
	return nil
}

func (q *request) readCompanyHint(s string) {
	if s == "" {
		return
	}
	if siren, err := portique.ParseSIREN(s); err == nil {
		q.CompanyHint = string(siren)
	} else {
		q.CompanyHint = "?" + cut(portique.CleanText(s), 30) // no company: one chooses
	}
}

// readScope keeps the scopes we know: others are ignored (Core 3.1.2.1).
func (q *request) readScope(s string) *refusal {
	known := slices.DeleteFunc(scopesOf(s), func(scope string) bool { return !slices.Contains(scopesSupported, scope) })
	if !slices.Contains(known, "openid") {
		return refuse("invalid_scope", "scope must contain openid")
	}
	q.Scope = strings.Join(known, " ")
	return nil
}

// scopesOf is a scope parameter as a list without repetition.
func scopesOf(s string) []string {
	var list []string
	for scope := range strings.FieldsSeq(s) {
		if !slices.Contains(list, scope) {
			list = append(list, scope)
		}
	}
	return list
}

// hasScope says whether a scope is in a list of them.
func hasScope(list, scope string) bool { return slices.Contains(strings.Fields(list), scope) }

func (q *request) readChallenge(v url.Values, t *portique.Tool) *refusal {
	q.Challenge = v.Get("code_challenge")
	method := v.Get("code_challenge_method")
	switch {
	case q.Challenge == "" && method != "":
		return refuse("invalid_request", "code_challenge is missing")
	case q.Challenge == "" && (t.Public() || !t.PKCEOptional):
		return refuse("invalid_request", "code_challenge is missing: PKCE is required (RFC 7636)")
	case q.Challenge == "":
		return nil
	case method != "S256":
		return refuse("invalid_request", "code_challenge_method must be S256")
	case !challenge.MatchString(q.Challenge):
		return refuse("invalid_request", "code_challenge is not the base64url SHA-256 of a verifier")
	}
	return nil
}

func (q *request) readPrompt(s string) *refusal {
	q.Prompt = strings.Fields(s)
	for _, prompt := range q.Prompt {
		if !slices.Contains(promptsSupported, prompt) {
			return refuse("invalid_request", "prompt "+prompt+" is not supported")
		}
	}
	if q.asks("none") && len(q.Prompt) > 1 {
		return refuse("invalid_request", "prompt none stands alone")
	}
	return nil
}

// readClaims reads the claims parameter (Core 5.5). What we cannot supply is
// left out, except a person or a level that the tool insists on.
func (q *request) readClaims(s string) *refusal {
	if s == "" {
		return nil
	}
	type wish struct {
		Essential bool  `json:"essential"`
		Value     any   `json:"value"`
		Values    []any `json:"values"`
	}
	var asked struct {
		IDToken  map[string]*wish `json:"id_token"`
		Userinfo map[string]*wish `json:"userinfo"`
	}
	if err := json.Unmarshal([]byte(s), &asked); err != nil {
		return refuse("invalid_request", "claims is not the JSON object of OpenID Connect Core 5.5")
	}
	for name := range asked.IDToken {
		if slices.Contains(claimsSupported, name) {
			q.Claims.IDToken = append(q.Claims.IDToken, name)
		}
	}
	for name := range asked.Userinfo {
		if slices.Contains(claimsSupported, name) {
			q.Claims.Userinfo = append(q.Claims.Userinfo, name)
		}
	}
	slices.Sort(q.Claims.IDToken)
	slices.Sort(q.Claims.Userinfo)
	for _, place := range []map[string]*wish{asked.IDToken, asked.Userinfo} {
		if sub := place["sub"]; sub != nil && sub.Value != nil {
			value, _ := sub.Value.(string)
			if q.Subject != "" && q.Subject != value || value == "" {
				return refuse("login_required", "claims and id_token_hint name different persons")
			}
			q.Subject = value
		}
	}
	if acr := asked.IDToken["acr"]; acr != nil && acr.Essential {
		wanted := acr.Values
		if acr.Value != nil {
			wanted = append(wanted, acr.Value)
		}
		if len(wanted) > 0 && !slices.Contains(wanted, any(acrPassword)) {
			return refuse("unmet_authentication_requirements", "no such acr is available here")
		}
	}
	return nil
}

func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}

// spoken is the first language of ui_locales (Core 3.1.2.1) that our pages
// have, "" when there is none.
func spoken(locales string) string {
	for _, tag := range strings.Fields(locales) {
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if slices.Contains(localesSupported, primary) {
			return primary
		}
	}
	return ""
}

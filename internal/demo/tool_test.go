package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// issuer is a small OpenID provider that signs everybody in at once and checks
// what a client must send.
type issuer struct {
	*httptest.Server
	t        *testing.T
	key      *ecdsa.PrivateKey
	asked    []url.Values // authorize requests
	code     map[string]url.Values
	deny     bool
	badNonce bool
	other    bool // userinfo of somebody else
}

func newIssuer(t *testing.T) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{t: t, key: key, code: map[string]url.Values{}}
	mux := http.NewServeMux()
	reply := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token",
			"userinfo_endpoint": i.URL + "/userinfo", "jwks_uri": i.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		i.asked = append(i.asked, q)
		back := url.Values{"state": {q.Get("state")}, "iss": {i.URL}}
		if i.deny {
			back.Set("error", "access_denied")
		} else {
			code := rand.Text()
			i.code[code] = q
			back.Set("code", code)
		}
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		q, ok := i.code[r.FormValue("code")]
		delete(i.code, r.FormValue("code"))
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		id, secret, _ := r.BasicAuth()
		if !ok || id != "contributions" || secret != "s3cret" || q.Get("code_challenge_method") != "S256" ||
			q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || r.FormValue("redirect_uri") != q.Get("redirect_uri") {
			w.WriteHeader(http.StatusBadRequest)
			reply(w, map[string]string{"error": "invalid_grant"})
			return
		}
		nonce := q.Get("nonce")
		if i.badNonce {
			nonce = "stolen"
		}
		reply(w, map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": i.sign(map[string]any{
			"iss": i.URL, "sub": "42", "aud": id, "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": nonce,
			"company": companyFor(q)})})
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) {
		sub := "42"
		if i.other {
			sub = "43"
		}
		reply(w, map[string]any{"sub": sub, "name": "Claire <b>Martin</b>", "email": "claire@martin.example"})
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

func companyFor(q url.Values) map[string]any {
	siren, name := "552100554", "Boulangerie Martin"
	if hint := q.Get("company_hint"); hint != "" && hint != siren {
		siren, name = hint, "Autre"
	}
	return map[string]any{"siren": siren, "name": name, "role": "administrator", "rights": []string{"contributions", "factures"}}
}

func (i *issuer) sign(claims map[string]any) string {
	i.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: i.key, KeyID: "1"}}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	jws, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	s, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return s
}

func newToolServer(t *testing.T, i *issuer, change ...func(*ToolOptions)) (*httptest.Server, *http.Client) {
	t.Helper()
	var tool *Tool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tool.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	o := ToolOptions{ID: "contributions", Secret: "s3cret", Name: "Déclaration des contributions", Description: "Déclarer.", NameEN: "Contribution returns", DescriptionEN: "Declare.",
		URL: server.URL, Issuer: i.URL, PortalURL: "http://localhost:8080", Client: server.Client()}
	for _, c := range change {
		c(&o)
	}
	tool = NewTool(o)
	return server, newBrowser(t)
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func read(t *testing.T, r *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// Who has one company is not offered another.
func TestToolOfOneCompany(t *testing.T) {
	subject := ""
	server, browser := newToolServer(t, newIssuer(t), func(o *ToolOptions) {
		o.Several = func(_ context.Context, of string) bool { subject = of; return false }
	})
	r, err := browser.Get(server.URL + "/")
	code, page := read(t, r, err)
	if code != 200 || strings.Contains(page, "/change") || !strings.Contains(page, `id="company"`) || subject == "" {
		t.Errorf("%d, asked of %q:\n%s", code, subject, page)
	}
}

func TestTool(t *testing.T) {
	i := newIssuer(t)
	server, browser := newToolServer(t, i)
	visit := func(path string) (int, string) {
		t.Helper()
		r, err := browser.Get(server.URL + path)
		return read(t, r, err)
	}

	code, page := visit("/")
	for _, want := range []string{`data-page="tool"`, `id="person"><strong>Claire &lt;b&gt;Martin`, "claire@martin.example", `id="company"><strong>Boulangerie Martin`,
		"552\u00a0100\u00a0554", `data-role="administrator">administrateur`, "Déclaration des contributions, Suivi des factures", "&#34;nonce&#34;"} {
		if code != 200 || !strings.Contains(page, want) {
			t.Errorf("%d, without %q:\n%s", code, want, page)
		}
	}
	english, err := http.NewRequest("GET", server.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	english.Header.Set("Accept-Language", "en")
	r, err := browser.Do(english)
	if code, page := read(t, r, err); code != 200 || !strings.Contains(page, "<h1>Contribution returns</h1>") || !strings.Contains(page, "Contribution returns, Invoice tracking") || strings.Contains(page, "Déclar") {
		t.Errorf("%d in English:\n%s", code, page)
	}
	asked := i.asked[0]
	for key, want := range map[string]string{"scope": "openid profile email company", "response_type": "code", "code_challenge_method": "S256",
		"redirect_uri": server.URL + "/callback", "company_hint": "", "prompt": ""} {
		if asked.Get(key) != want {
			t.Errorf("%s is %q, not %q", key, asked.Get(key), want)
		}
	}
	if len(asked.Get("state")) < 20 || len(asked.Get("nonce")) < 20 {
		t.Errorf("state %q, nonce %q", asked.Get("state"), asked.Get("nonce"))
	}

	// Another company is offered to who has one.
	if !strings.Contains(page, `href="/change"`) {
		t.Error("no way to another company")
	}

	// Signed in: no second sign-in, unless another company is asked for.
	if visit("/"); len(i.asked) != 1 {
		t.Error("it signs in again")
	}
	if visit("/?company_hint=552100554"); len(i.asked) != 1 {
		t.Error("it signs in again for the same company")
	}
	if _, page = visit("/?company_hint=732829320"); len(i.asked) != 2 || i.asked[1].Get("company_hint") != "732829320" || !strings.Contains(page, "Autre") {
		t.Errorf("the hint is not passed on: %v", i.asked)
	}
	if visit("/change"); len(i.asked) != 3 || i.asked[2].Get("prompt") != "select_company" {
		t.Errorf("changing company asks %v", i.asked[len(i.asked)-1])
	}

	// Leaving ends the tool's session; another site cannot do it.
	request, _ := http.NewRequest("POST", server.URL+"/leave", nil)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	r, err = browser.Do(request)
	if code, _ := read(t, r, err); code != 403 {
		t.Errorf("another site makes people leave: %d", code)
	}
	r, err = browser.Post(server.URL+"/leave", "application/x-www-form-urlencoded", nil)
	if code, page = read(t, r, err); code != 200 || !strings.Contains(page, `data-page="tool-left"`) {
		t.Errorf("leaving: %d %s", code, page)
	}
	if visit("/"); len(i.asked) != 4 {
		t.Error("the session outlives leaving")
	}
}

func TestToolProblems(t *testing.T) {
	i := newIssuer(t)
	server, browser := newToolServer(t, i)
	problem := func(path string, status int, words string) {
		t.Helper()
		r, err := browser.Get(server.URL + path)
		code, page := read(t, r, err)
		if code != status || !strings.Contains(page, words) || !strings.Contains(page, "http://localhost:8080") || strings.Contains(page, `data-page="tool"`) {
			t.Errorf("%s: %d\n%s", path, code, page)
		}
	}
	i.deny = true
	problem("/", 403, "Cet outil ne s’ouvre pas pour vous")
	i.deny, i.badNonce = false, true
	problem("/", 502, "nonce")
	i.badNonce, i.other = false, true
	problem("/", 502, "userinfo")
	i.other = false
	problem("/callback?code=x&state=y", 400, "Recommencez")
	problem("/callback", 400, "Recommencez")
	problem("/nowhere", 404, "n’existe pas")

	// A code obtained by one browser does not sign another one in.
	stop := &http.Client{Jar: newBrowser(t).Jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasSuffix(r.URL.Path, "/callback") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	r, err := stop.Get(server.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	callback, _ := url.Parse(r.Header.Get("Location"))
	problem(callback.RequestURI(), 400, "Recommencez")
	r, err = stop.Get(callback.String()) // the browser that asked
	if code, page := read(t, r, err); code != 200 || !strings.Contains(page, `data-page="tool"`) {
		t.Errorf("the browser that asked: %d %s", code, page)
	}

	i.Close()
	other, browser2 := newToolServer(t, i)
	r, err = browser2.Get(other.URL)
	if code, page := read(t, r, err); code != 502 || !strings.Contains(page, "ne répond pas") {
		t.Errorf("without its issuer: %d %s", code, page)
	}
	r, err = http.Get(strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	if code, _ := read(t, r, err); code != http.StatusMisdirectedRequest {
		t.Errorf("a foreign Host is answered: %d", code)
	}
}

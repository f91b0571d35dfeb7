package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/net/html"
)

// conformance is the suite as it stands before a provider: its clients, its receiver, what it was told.
type conformance struct {
	app                          *App
	suite, callback, afterLogout string // where the clients are, and two addresses there
	basic, post, second          *relyingClient
	http                         *http.Client
	metadata                     map[string]any
	keys                         map[string]any // public keys by kid, as they were published before anybody signed in
	claims                       map[string]any // what examples/conformance/claims.json says of the person
	cookies                      map[string][]*http.Cookie
	stranger                     crypto.PrivateKey // no key of the provider's

	mu      sync.Mutex
	notices []notice
}

type relyingClient struct{ id, secret, method string }

// notice is a back-channel call as it came.
type notice struct {
	media string
	form  url.Values
}

// newConformance starts an installation from the files of examples/conformance alone, a receiver where they say that the suite is,
// and signs the person in once.
func newConformance(t *testing.T) *conformance {
	const there = "https://localhost.emobix.co.uk:8443" // the suite on a developer's machine
	example := func(name string) string {
		content, err := os.ReadFile(filepath.Join("../examples/conformance", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	c := &conformance{app: prepare(t, "sqlite", "https")}
	c.http = &http.Client{Timeout: 30 * time.Second, Transport: c.app.connections()}
	pair, err := tls.LoadX509KeyPair(filepath.Join(c.app.dir, "cert.pem"), filepath.Join(c.app.dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(c.receive))
	receiver.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	receiver.StartTLS()
	t.Cleanup(receiver.Close)
	c.suite = "https://localhost:" + receiver.URL[strings.LastIndexByte(receiver.URL, ':')+1:]
	c.callback, c.afterLogout = c.suite+"/test/a/portique/callback", c.suite+"/test/a/portique/post_logout_redirect"

	type client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	var plan struct {
		Alias   string
		Server  struct{ DiscoveryURL string }
		Client  client
		Post    client `json:"client_secret_post"`
		Client2 client
	}
	if err := json.Unmarshal([]byte(example("suite.json")), &plan); err != nil || plan.Alias != "portique" || !strings.HasSuffix(plan.Server.DiscoveryURL, "/.well-known/openid-configuration") {
		t.Fatalf("suite.json: %v, %+v", err, plan)
	}
	c.basic = &relyingClient{plan.Client.ID, plan.Client.Secret, "basic"}
	c.post = &relyingClient{plan.Post.ID, plan.Post.Secret, "post"}
	c.second = &relyingClient{plan.Client2.ID, plan.Client2.Secret, "basic"}
	// The browser that suite.json describes finds fields and buttons by these and no others.
	for _, found := range regexp.MustCompile(`"(?:text|click)", "id", "([^"]*)"`).FindAllStringSubmatch(example("suite.json"), -1) {
		if !slices.Contains([]string{"email", "password", "login-submit", "consent-allow", "logout-confirm"}, found[1]) {
			t.Errorf("suite.json looks for the id %q, which no test presses", found[1])
		}
	}
	if err := json.Unmarshal([]byte(example("claims.json")), &c.claims); err != nil {
		t.Fatal(err)
	}
	c.stranger = pair.PrivateKey

	c.app.env = append(c.app.env, "PORTIQUE_EXTRA_CA="+filepath.Join(c.app.dir, "cert.pem"), behindProxy)
	c.app.Run(t, "", "company", "import", c.app.File(t, "members.csv", example("members.csv")))
	c.app.Run(t, "", "tool", "apply", c.app.File(t, "tools.yaml", strings.ReplaceAll(example("tools.yaml"), there, c.suite)))
	c.app.Create(t, Marie, "--claims", c.app.File(t, "claims.json", example("claims.json")))
	c.app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", "732829320", "--role", "administrator", "--reason", "conformance")
	c.app.serve(t)

	_, _, c.metadata = c.json(t, http.MethodGet, c.app.Auth+"/.well-known/openid-configuration", nil)
	answer, err := c.http.Get(c.text("jwks_uri"))
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	c.keys = map[string]any{}
	for _, key := range set.Keys {
		c.keys[key.KeyID] = key.Key
	}
	b := c.app.Browser(t)
	c.enter(t, b, c.basic)
	c.cookies = b.everyCookie()
	return c
}

// receive plays the clients: it says what came, and keeps notices.
func (c *conformance) receive(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Cache-Control", "no-store")
	switch strings.TrimPrefix(r.URL.Path, "/test/a/portique/") {
	case "callback":
		if r.Method == http.MethodPost && (r.URL.RawQuery != "" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded") {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprint(w, r.Method, " ", r.Form.Encode())
	case "post_logout_redirect":
	case "backchannel_logout":
		c.mu.Lock()
		defer c.mu.Unlock()
		c.notices = append(c.notices, notice{r.Header.Get("Content-Type"), r.PostForm})
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// text is a member of the metadata.
func (c *conformance) text(member string) string {
	s, _ := c.metadata[member].(string)
	return s
}

// texts are the elements of a JSON array of text, nil when it is anything else.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, one := range list {
		s, ok := one.(string)
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// json sends a form, or nothing, and reads a JSON object.
func (c *conformance) json(t *testing.T, method, address string, form url.Values, header ...string) (int, http.Header, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	}
	r.Header.Set("X-Forwarded-For", ownAddress())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]any{}
	if err := json.Unmarshal(content, &said); err != nil && len(content) > 0 {
		t.Fatalf("%s: %d, not a JSON object: %s", address, answer.StatusCode, content)
	}
	return answer.StatusCode, answer.Header, said
}

// arrival is what arrived at the client, and what the person met on the way.
type arrival struct {
	sent, got        url.Values
	method           string
	signedIn, agreed bool
}

func (a arrival) failed() string { return a.got.Get("error") }

// request makes an authorization request. Names and values alternate; an empty value leaves the parameter out.
func (c *conformance) request(client *relyingClient, with ...string) url.Values {
	q := url.Values{"client_id": {client.id}, "redirect_uri": {c.callback}, "response_type": {"code"}, "scope": {"openid"}, "state": {rand.Text()}, "nonce": {rand.Text()}}
	for i := 0; i < len(with); i += 2 {
		if q.Set(with[i], with[i+1]); with[i+1] == "" {
			q.Del(with[i])
		}
	}
	return q
}

// ask sends an authorization request and does what the pages ask, until the client has its answer.
func (c *conformance) ask(t *testing.T, b *Browser, client *relyingClient, with ...string) arrival {
	t.Helper()
	q := c.request(client, with...)
	b.Open(c.text("authorization_endpoint") + "?" + q.Encode())
	return c.arrive(t, b, q)
}

// postRequest is ask by a form of the client's.
func (c *conformance) postRequest(t *testing.T, b *Browser, q url.Values) arrival {
	t.Helper()
	from := &Page{URL: &url.URL{Scheme: "https", Host: strings.TrimPrefix(c.suite, "https://"), Path: "/"}, Header: http.Header{}}
	b.must(b.navigate(http.MethodPost, c.text("authorization_endpoint"), q, from, true))
	return c.arrive(t, b, q)
}

func (c *conformance) arrive(t *testing.T, b *Browser, q url.Values) arrival {
	t.Helper()
	a := arrival{sent: q}
	for range 5 {
		p := b.Page()
		if strings.HasPrefix(p.URL.String(), c.callback) {
			method, form, _ := strings.Cut(p.Body, " ")
			got, err := url.ParseQuery(form)
			if a.method, a.got = method, got; err != nil || p.Status != http.StatusOK {
				t.Fatalf("arrived with %d %s: %v", p.Status, p.Body, err)
			}
			if got.Get("iss") != c.app.Auth || got.Get("state") != q.Get("state") || got.Has("code") == got.Has("error") {
				t.Errorf("%v answers %v", q, got)
			}
			return a
		}
		switch p.Main() {
		case "login":
			b.fillID(map[string]string{"email": Marie.Email, "password": Password}, "login-submit")
			a.signedIn = true
		case "consent":
			b.pressID("consent-allow")
			a.agreed = true
		case "form-post":
			b.Submit("", nil) // without script one presses the button
		default:
			t.Fatalf("lost at %s\n%s%s", p, b.trail(), tail(p.Text(), 800))
		}
	}
	t.Fatalf("no end in sight: %s", b.Page())
	return a
}

// signedIn is a browser in which the person has signed in. The session is everybody's: nobody ends it.
func (c *conformance) signedIn(t *testing.T) *Browser {
	t.Helper()
	b := c.app.Browser(t)
	b.restore(c.cookies)
	return b
}

// grant is what the token endpoint gave.
type grant struct {
	answer               arrival
	status               int
	header               http.Header
	body                 map[string]any
	access, refresh, raw string         // raw is the ID token
	id                   map[string]any // its claims, verified
}

// enter is a whole authorization code flow, with every check of an ID token.
func (c *conformance) enter(t *testing.T, b *Browser, client *relyingClient, with ...string) grant {
	t.Helper()
	return c.redeem(t, client, c.ask(t, b, client, with...))
}

// redemption is the request that exchanges an answer's code.
func (c *conformance) redemption(a arrival, with ...string) url.Values {
	v := url.Values{"grant_type": {"authorization_code"}, "code": {a.got.Get("code")}, "redirect_uri": {c.callback}}
	for i := 0; i < len(with); i += 2 {
		v.Set(with[i], with[i+1])
	}
	return v
}

func (c *conformance) redeem(t *testing.T, client *relyingClient, a arrival, with ...string) grant {
	t.Helper()
	if a.failed() != "" {
		t.Fatalf("%v answers %v", a.sent, a.got)
	}
	g := c.token(t, client, c.redemption(a, with...))
	g.answer = a
	if g.status != http.StatusOK {
		t.Fatalf("%v: %d %v", a.sent, g.status, g.body)
	}
	c.check(t, client, &g, a.sent.Get("nonce"))
	return g
}

// token asks the token endpoint.
func (c *conformance) token(t *testing.T, client *relyingClient, form url.Values) grant {
	t.Helper()
	var header []string
	if client.method == "basic" {
		header = []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(client.id)+":"+url.QueryEscape(client.secret)))}
	} else {
		form.Set("client_id", client.id)
		form.Set("client_secret", client.secret)
	}
	g := grant{}
	g.status, g.header, g.body = c.json(t, http.MethodPost, c.text("token_endpoint"), form, header...)
	if media, _, _ := strings.Cut(g.header.Get("Content-Type"), ";"); media != "application/json" || g.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the token endpoint answers %v", g.header)
	}
	if description, _ := g.body["error_description"].(string); !regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]*$`).MatchString(description) { // RFC 6749 5.2
		t.Errorf("error_description %q", description)
	}
	g.access, _ = g.body["access_token"].(string)
	g.refresh, _ = g.body["refresh_token"].(string)
	g.raw, _ = g.body["id_token"].(string)
	return g
}

// check looks at an answer with tokens (RFC 6749 5.1) and at its ID token (Core 2, 3.1.3.7); a nonce must be that one, if one was sent.
func (c *conformance) check(t *testing.T, client *relyingClient, g *grant, nonce string) {
	t.Helper()
	kind, _ := g.body["token_type"].(string)
	if life, _ := g.body["expires_in"].(float64); !strings.EqualFold(kind, "Bearer") || g.access == "" || life <= 0 || life != float64(int(life)) {
		t.Errorf("tokens: %v", g.body)
	}
	token, err := jwt.ParseSigned(g.raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatalf("the ID token %q: %v", g.raw, err)
	}
	key := c.keys[token.Headers[0].KeyID]
	if key == nil {
		t.Fatalf("the ID token is signed by %q, which was not among the keys before the sign-in", token.Headers[0].KeyID)
	}
	if err := token.Claims(key, &g.id); err != nil {
		t.Fatalf("the ID token: %v", err)
	}
	now := float64(c.app.now().Unix())
	number := func(claim string) float64 { n, _ := g.id[claim].(float64); return n }
	sum := sha256.Sum256([]byte(g.access))
	half := base64.RawURLEncoding.EncodeToString(sum[:crypto.SHA256.Size()/2])
	sub, _ := g.id["sub"].(string)
	_, sent := g.id["nonce"]
	switch {
	case g.id["iss"] != c.app.Auth, g.id["aud"] != client.id, g.id["azp"] != nil && g.id["azp"] != client.id:
		t.Errorf("of or for somebody else: %v", g.id)
	case number("iat") > now+5, number("iat") < now-60, number("exp") <= now, number("auth_time") > number("iat"), number("auth_time") == 0:
		t.Errorf("times: %v", g.id)
	case !regexp.MustCompile(`^[\x21-\x7E]{1,255}$`).MatchString(sub), g.id["at_hash"] != nil && g.id["at_hash"] != half, !claimIs(g.id["acr"], "text"):
		t.Errorf("%v", g.id)
	case nonce != "" && g.id["nonce"] != nonce, nonce == "" && sent && g.answer.sent != nil:
		t.Errorf("the nonce sent was %q: %v", nonce, g.id)
	}
}

// userinfo asks with a token in the header, by POST with it there, or in the body.
func (c *conformance) userinfo(t *testing.T, how, token string) (int, map[string]any) {
	t.Helper()
	method, form, header := http.MethodGet, url.Values(nil), []string{"Authorization", "Bearer " + token}
	switch how {
	case "post":
		method = http.MethodPost
	case "body":
		method, form, header = http.MethodPost, url.Values{"access_token": {token}}, nil
	}
	status, said, info := c.json(t, method, c.text("userinfo_endpoint"), form, header...)
	media, _, _ := strings.Cut(said.Get("Content-Type"), ";")
	if status == http.StatusOK && media != "application/json" || status == http.StatusUnauthorized && !strings.Contains(said.Get("WWW-Authenticate"), `Bearer`) {
		t.Errorf("userinfo answers %d %v", status, said)
	}
	return status, info
}

// -- by id -------------------------------------------------------------------------------------------------------------------

// fillID fills fields that are found by their ids and presses a button that is found by its id.
func (b *Browser) fillID(fields map[string]string, button string) *Page {
	b.t.Helper()
	filled := Fields{}
	for id, value := range fields {
		if n := b.byID(id); n.Data == "input" {
			filled[attr(n, "name")] = []string{value}
		} else {
			b.t.Fatalf("%q on %s is no field", id, b.page)
		}
	}
	n := b.byID(button)
	if n.Data != "button" && attr(n, "type") != "submit" {
		b.t.Fatalf("%q on %s is no button", button, b.page)
	}
	for f := n.Parent; f != nil; f = f.Parent {
		if f.Data == "form" {
			action, err := b.page.URL.Parse(attr(f, "action"))
			if err != nil {
				b.t.Fatal(err)
			}
			return b.Submit(action.Path, filled)
		}
	}
	b.t.Fatalf("the button %q on %s is in no form", button, b.page)
	return nil
}

// pressID presses a button that is found by its id.
func (b *Browser) pressID(id string) *Page { b.t.Helper(); return b.fillID(nil, id) }

// byID returns the element with that id.
func (b *Browser) byID(id string) *html.Node {
	b.t.Helper()
	for n := range b.Page().Doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return n
		}
	}
	b.t.Fatalf("nothing with the id %q on %s", id, b.page)
	return nil
}

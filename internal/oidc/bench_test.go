package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"portique"
	"portique/internal/store/storetest"
)

// benchEnv is a tool and a person who is signed in, on SQLite.
func benchEnv(b *testing.B) (*relying, *browser) {
	e := newEnv(b, storetest.Open(b, "sqlite"), &atomic.Int64{})
	person := e.account("Anne")
	e.member(person, siren1, portique.Administrator)
	here := e.browser()
	here.signIn(person, "")
	return e.relying(e.tool("bench")), here
}

// ask calls the provider without a network.
func (r *relying) ask(method, target, body string, header http.Header) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	req.Header = header
	w := httptest.NewRecorder()
	r.e.provider.Handler().ServeHTTP(w, req)
	return w
}

func BenchmarkUserinfo(b *testing.B) {
	tool, here := benchEnv(b)
	header := http.Header{"Authorization": {"Bearer " + tool.enter(here).AccessToken}}
	for b.Loop() {
		if w := tool.ask("GET", "/oauth/userinfo", "", header); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// A tool asks about its own token: its secret checked, and two reads.
func BenchmarkIntrospect(b *testing.B) {
	tool, here := benchEnv(b)
	body := url.Values{"token": {tool.enter(here).AccessToken}}.Encode()
	for b.Loop() {
		if w := tool.ask("POST", "/oauth/introspect", body, asBench()); w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

// A refresh token for the next one: as many statements as a redeemed code, and a signature.
func BenchmarkRefresh(b *testing.B) {
	tool, here := benchEnv(b)
	tool.config.Scopes = append(tool.config.Scopes, "offline_access")
	token := tool.enter(here).RefreshToken
	for b.Loop() {
		w := tool.ask("POST", "/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode(), asBench())
		var got struct {
			RefreshToken string `json:"refresh_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.RefreshToken == "" {
			b.Fatal(w.Code, w.Body)
		}
		token = got.RefreshToken
	}
}

// asBench are the headers of the tool.
func asBench() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape("bench")+":"+url.QueryEscape(toolSecret)))}}
}

// One tool more for somebody signed in: authorize, code, token; two durable commits and a signature.
func BenchmarkAuthorizeAndRedeem(b *testing.B) {
	tool, here := benchEnv(b)
	tool.enter(here)
	address, _ := url.Parse(tool.url())
	cookies := http.Header{}
	for _, c := range here.Jar.Cookies(address) {
		cookies.Add("Cookie", c.Name+"="+c.Value)
	}
	basic := asBench()
	for b.Loop() {
		w := tool.ask("GET", address.RequestURI(), "", cookies)
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil || to.Query().Get("code") == "" {
			b.Fatal(w.Code, to, err)
		}
		w = tool.ask("POST", "/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {to.Query().Get("code")},
			"redirect_uri": {tool.tool.RedirectURIs[0]}, "code_verifier": {tool.verifier}}.Encode(), basic)
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body)
		}
	}
}

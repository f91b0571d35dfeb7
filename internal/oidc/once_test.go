package oidc_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"portique/internal/store/storetest"
)

// What serves once does so however many call at the same moment, at two nodes: a code, a request sent ahead; and a refresh token has
// one successor.
func TestOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool, b, first := lasting(e, "paie")
		nodes := []*http.Client{http.DefaultClient, e.node().HTTPClient()}
		token := first.RefreshToken
		for range rounds() {
			code := url.Values{"grant_type": {"authorization_code"}, "code": {b.get(tool.url()).param("code")},
				"redirect_uri": {tool.tool.RedirectURIs[0]}, "code_verifier": {tool.verifier}}
			if got := atOnce(t, func(i int) string { return tool.outcome(nodes[i%2], "/oauth/token", code, "access_token") }); got["invalid_grant"] != 49 || len(got) != 2 {
				t.Fatalf("50 redemptions of one code: %v", got)
			}

			refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
			next := atOnce(t, func(i int) string { return tool.outcome(nodes[i%2], "/oauth/token", refresh, "refresh_token") })
			if token = slices.Collect(maps.Keys(next))[0]; len(next) != 1 || len(token) < 40 {
				t.Fatalf("successors of one refresh token: %v", next)
			}

			request, _ := url.Parse(tool.url())
			q := request.Query()
			_, pushed := tool.call("/oauth/par", q)
			address := e.server.URL + "/oauth/authorize?" + url.Values{"client_id": {"paie"}, "request_uri": {fmt.Sprint(pushed["request_uri"])}}.Encode()
			cookies := b.Jar.Cookies(request)
			entered := atOnce(t, func(i int) string {
				r, _ := http.NewRequest("GET", address, nil)
				for _, c := range cookies {
					r.AddCookie(c)
				}
				client := *nodes[i%2]
				client.CheckRedirect = b.CheckRedirect
				response, err := client.Do(r)
				if err != nil {
					return err.Error()
				}
				response.Body.Close()
				to, _ := response.Location()
				if to == nil || to.Query().Get("code") == "" {
					return fmt.Sprint(response.StatusCode)
				}
				return "code"
			})
			if entered["code"] != 1 || entered["400"] != 49 {
				t.Fatalf("50 uses of one request sent ahead: %v", entered)
			}
		}
	})
}

// rounds is how often what is rare is tried.
func rounds() int {
	if storetest.Long() {
		return 100
	}
	return 3
}

// atOnce calls fifty times at the same moment and counts the answers.
func atOnce(t *testing.T, call func(i int) string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	answers := map[string]int{}
	for i := range 50 {
		all.Go(func() {
			answer := call(i)
			mu.Lock()
			defer mu.Unlock()
			answers[answer]++
		})
	}
	all.Wait()
	return answers
}

// outcome is a member of what an endpoint answers a tool, or the error.
func (r *relying) outcome(client *http.Client, path string, form url.Values, member string) string {
	request, err := http.NewRequest("POST", r.e.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	basic(r.tool.ID, toolSecret)(request)
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	got := map[string]any{}
	_ = json.NewDecoder(response.Body).Decode(&got)
	if response.StatusCode != http.StatusOK {
		return fmt.Sprint(got["error"])
	}
	return fmt.Sprint(got[member])
}

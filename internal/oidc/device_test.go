package oidc_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	rp "github.com/coreos/go-oidc/v3/oidc"

	"portique"
	"portique/internal/oidc"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

func forDevices(t *portique.Tool) { t.Device = true }

// asked is what a device got when it asked.
type asked struct {
	tool       *relying
	code, user string
}

// begin is the request at the device; more are names and values.
func (r *relying) begin(more ...string) *asked {
	r.e.t.Helper()
	form := url.Values{"scope": {"openid profile email company"}}
	if r.tool.Public() {
		form.Set("client_id", r.tool.ID)
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	p, got := r.call("/oauth/device", form)
	if p.status != 200 {
		r.e.t.Fatalf("the device asks: %v", p)
	}
	return &asked{r, got["device_code"].(string), got["user_code"].(string)}
}

// poll asks for the tokens, as the device does.
func (a *asked) poll(change ...func(*http.Request)) (reply, map[string]any) {
	a.tool.e.t.Helper()
	form := url.Values{"grant_type": {deviceGrant}, "device_code": {a.code}}
	if a.tool.tool.Public() {
		form.Set("client_id", a.tool.tool.ID)
	}
	return a.tool.call("/oauth/token", form, change...)
}

func (a *asked) polls(what, want string) {
	a.tool.e.t.Helper()
	p, got := a.poll()
	if e, _ := got["error"].(string); e != want || want != "" && p.status != 400 || want == "" && p.status != 200 {
		a.tool.e.t.Errorf("%s: the device gets %v, want %q", what, p, want)
	}
}

func (e *env) sessions() *session.Service {
	return session.New(e.db, storetest.Keys(), nil, session.Options{Language: "fr"})
}

// typed has a person type the code in a browser, as the page does, and gives the authorization that follows.
func (a *asked) typed(b *browser) string {
	a.tool.e.t.Helper()
	key := secret.Token()
	u, _ := url.Parse(b.e.server.URL)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == "portique_browser" {
			key = c.Value
		}
	}
	id, err := b.e.sessions().BeginDevice(context.Background(), portique.Actor{Door: portique.DoorAuth, Source: "192.0.2.1"}, strings.ToLower(a.user), key)
	if err != nil {
		b.e.t.Fatal(err)
	}
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "portique_browser", Value: key, Path: "/"}})
	return id
}

func (b *browser) allow(id, access string) reply {
	b.e.t.Helper()
	return b.send("POST", "/oauth/authorize/"+id+"/allow", url.Values{"access": {access}})
}

// allowed has the person, who is signed in, allow the device for an access.
func (a *asked) allowed(b *browser, access string) string {
	b.e.t.Helper()
	id := a.typed(b)
	if p := b.get("/oauth/authorize/" + id); p.page() != "/device/confirm" {
		b.e.t.Fatalf("before the press: %v", p)
	}
	if p := b.allow(id, access); p.status != 303 || p.page() != "/device/done" {
		b.e.t.Fatalf("the press: %v", p)
	}
	return id
}

// The whole way: a device asks, its person signs in elsewhere, looks, presses; the device fetches its tokens once.
func TestDevice(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("caisse", forDevices))
		p, got := tool.call("/oauth/device", url.Values{"scope": {"openid email company offline_access unknown"}})
		if p.status != 200 || got["expires_in"] != 600.0 || got["interval"] != 5.0 || got["verification_uri"] != e.server.URL+"/device" ||
			p.header.Get("Cache-Control") != "no-store" || !regexp.MustCompile(`^[B-DF-HJ-NP-TV-XZ]{4}-[B-DF-HJ-NP-TV-XZ]{4}$`).MatchString(got["user_code"].(string)) ||
			got["verification_uri_complete"] != e.server.URL+"/device?user_code="+got["user_code"].(string) {
			t.Fatal(p)
		}
		a := &asked{tool, got["device_code"].(string), got["user_code"].(string)}

		a.polls("nobody has come", "authorization_pending")
		e.skew.Add(int64(5 * time.Second))
		a.polls("in time", "authorization_pending")
		e.skew.Add(int64(3 * time.Second))
		a.polls("too soon", "slow_down")
		e.skew.Add(int64(7 * time.Second))
		a.polls("too soon for the longer wait", "slow_down")
		e.skew.Add(int64(15 * time.Second))
		a.polls("in time again", "authorization_pending")

		b := e.browser()
		id := a.typed(b)
		if p := b.get("/oauth/authorize/" + id); p.page() != "/login" || p.param("authorization") != id {
			t.Fatal(p)
		}
		b.signIn(person, id)
		for range 2 {
			if p := b.get("/oauth/authorize/" + id); p.page() != "/device/confirm" || p.param("authorization") != id {
				t.Fatal(p)
			}
		}
		e.skew.Add(int64(16 * time.Second))
		a.polls("looked at, not pressed", "authorization_pending")
		if n := count(e.actions("caisse"), portique.ActionToolEntered); n != 0 {
			t.Errorf("entered %d times before the press", n)
		}
		if p := b.allow(id, access); p.page() != "/device/done" || p.param("authorization") != id {
			t.Fatal(p)
		}
		if p := b.allow(id, access); p.status != 409 || p.body != "PAGE error oauth.finished" {
			t.Errorf("a second press: %v", p)
		}
		if p := b.send("POST", "/oauth/authorize/"+id+"/deny", nil); p.status != 409 {
			t.Errorf("refused after it was allowed: %v", p)
		}

		p, got = a.poll() // too soon: no reason to wait any longer
		if p.status != 200 || got["token_type"] != "Bearer" || got["expires_in"] != 300.0 || got["scope"] != "openid email company offline_access" {
			t.Fatal(p)
		}
		verifier := tool.provider.Verifier(&rp.Config{ClientID: "caisse", SupportedSigningAlgs: []string{"ES256"}, Now: func() time.Time { return begun.Add(time.Duration(e.skew.Load())) }})
		idToken, err := verifier.Verify(t.Context(), got["id_token"].(string))
		if err != nil || idToken.VerifyAccessToken(got["access_token"].(string)) != nil {
			t.Fatal(err)
		}
		claims := claimsIn(t, got["id_token"].(string))
		if claims["sid"] != b.sessionID || claims["nonce"] != nil || claims["company"].(map[string]any)["siren"] != string(siren1) {
			t.Errorf("the ID token: %v", claims)
		}
		if status, info := tool.userinfo(got["access_token"].(string)); status != 200 || info["email"] != "anne@example.org" {
			t.Errorf("userinfo %d %v", status, info)
		}
		_, next := tool.refresh(got["refresh_token"].(string))
		if next["refresh_token"] == nil {
			t.Errorf("the refresh: %v", next)
		}
		a.polls("a second time", "invalid_grant")
		if status, _ := tool.userinfo(got["access_token"].(string)); status != 200 {
			t.Error("a second poll, as of a device that lost the answer, has ended what the first gave")
		}
		e.tx(func(tx *store.Tx) error {
			events, err := tx.Events("caisse")
			if last := events[len(events)-1]; last.Action != portique.ActionToolEntered || last.Reason != "device" || last.Actor != person || last.SIREN != siren1 {
				t.Errorf("the journal: %+v", last)
			}
			return err
		})
	})
}

// Of polls at the same moment, at two nodes, one gets tokens.
func TestDeviceOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("caisse", forDevices))
		b := e.browser()
		b.signIn(person, "")
		nodes := []*http.Client{http.DefaultClient, e.node().HTTPClient()}
		for range rounds() {
			a := tool.begin()
			a.allowed(b, access)
			form := url.Values{"grant_type": {deviceGrant}, "device_code": {a.code}}
			if got := atOnce(t, func(i int) string { return tool.outcome(nodes[i%2], "/oauth/token", form, "access_token") }); got["invalid_grant"] != 49 || len(got) != 2 {
				t.Errorf("50 polls: %v", got)
			}
		}
	})
}

// A code typed in two browsers is decided of in the second; and of two presses at the same moment one counts.
func TestDeviceTwoBrowsers(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool := e.relying(e.tool("caisse", forDevices))
		var bs [2]*browser
		var access [2]string
		for i, name := range []string{"Anne", "Luc"} {
			person := e.account(name)
			access[i] = e.member(person, siren1, portique.Administrator)
			bs[i] = e.browser()
			bs[i].signIn(person, "")
		}
		for range 5 {
			a := tool.begin()
			ids := [2]string{a.typed(bs[0]), ""}
			bs[0].get("/oauth/authorize/" + ids[0])
			ids[1] = a.typed(bs[1])
			bs[1].get("/oauth/authorize/" + ids[1])
			if p := bs[0].allow(ids[0], access[0]); p.status != 400 || p.body != "PAGE error oauth.stale" {
				t.Errorf("where the code was typed first: %v", p)
			}
			if p := bs[0].allow(ids[1], access[1]); p.status != 400 {
				t.Errorf("another browser presses: %v", p)
			}
			var both sync.WaitGroup
			var replies [2]reply
			both.Go(func() { replies[0] = bs[1].allow(ids[1], access[1]) })
			both.Go(func() { replies[1] = bs[1].send("POST", "/oauth/authorize/"+ids[1]+"/deny", nil) })
			both.Wait()
			first := 0
			if replies[1].status == 303 {
				first = 1
			}
			if replies[first].status != 303 || replies[1-first].status != 409 {
				t.Errorf("allowed and refused at once: %v, %v", replies[0], replies[1])
			}
			a.polls("decided", []string{"", "access_denied"}[first])
		}
	})
}

// What a device may not, and what it is told.
func TestDeviceRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool, other := e.relying(e.tool("caisse", forDevices)), e.relying(e.tool("autre", forDevices))
		strict := e.relying(e.tool("coffre", forDevices, func(t *portique.Tool) { t.MinACR = "portique:2" }))
		plain := e.relying(e.tool("paie"))
		for name, c := range map[string]struct {
			tool *relying
			form url.Values
			want string
		}{
			"not for devices":       {plain, url.Values{"scope": {"openid"}}, "unauthorized_client"},
			"no scope":              {tool, url.Values{}, "invalid_scope"},
			"no openid":             {tool, url.Values{"scope": {"email"}}, "invalid_scope"},
			"a scope without end":   {tool, url.Values{"scope": {"openid " + strings.Repeat("x ", 5000)}}, "invalid_request"},
			"a scope twice":         {tool, url.Values{"scope": {"openid", "openid"}}, "invalid_request"},
			"a stronger sign-in":    {strict, url.Values{"scope": {"openid"}}, "unmet_authentication_requirements"},
			"another client's name": {tool, url.Values{"scope": {"openid"}, "client_id": {"autre"}}, "invalid_client"},
			"two ways to prove":     {tool, url.Values{"scope": {"openid"}, "client_secret": {toolSecret}}, "invalid_request"},
		} {
			if p, got := c.tool.call("/oauth/device", c.form); got["error"] != c.want || got["device_code"] != nil {
				t.Errorf("%s: %v", name, p)
			}
		}
		if p, got := tool.call("/oauth/device", url.Values{"scope": {"openid"}}, basic("caisse", "wrong")); p.status != 401 || got["error"] != "invalid_client" {
			t.Errorf("a wrong secret: %v", p)
		}

		b := e.browser()
		b.signIn(person, "")
		a := tool.begin()
		(&asked{other, a.code, a.user}).polls("another client", "invalid_grant")
		(&asked{plain, a.code, a.user}).polls("a client without devices", "unauthorized_client")
		(&asked{tool, secret.Token(), a.user}).polls("an unknown code", "invalid_grant")
		(&asked{tool, strings.ReplaceAll(a.user, "-", ""), a.user}).polls("the code that is typed", "invalid_grant")
		(&asked{tool, "", ""}).polls("no code", "invalid_request")
		if p, got := tool.call("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {a.code}, "redirect_uri": {""}}); got["error"] != "invalid_grant" {
			t.Errorf("as another grant: %v", p)
		}
		a.allowed(b, access)
		if p, got := tool.call("/oauth/token", url.Values{"grant_type": {"authorization_code"}, "code": {a.code}, "redirect_uri": {""}}); got["error"] != "invalid_grant" {
			t.Errorf("as another grant, allowed: %v", p)
		}
		(&asked{other, a.code, a.user}).polls("another client, allowed", "invalid_grant")
		a.polls("its own", "")

		a = tool.begin() // refused
		id := a.typed(b)
		b.get("/oauth/authorize/" + id)
		if p := b.send("POST", "/oauth/authorize/"+id+"/deny", nil); p.page() != "/device/done" {
			t.Fatal(p)
		}
		a.polls("refused", "access_denied")
		a.polls("refused, again", "access_denied")
		if p := b.allow(id, access); p.status != 409 {
			t.Errorf("allowed after a refusal: %v", p)
		}
		if n := count(e.actions("caisse"), portique.ActionDeviceRefused); n != 1 {
			t.Errorf("%d refusals in the journal", n)
		}

		a = tool.begin() // too old
		id = a.typed(b)
		b.get("/oauth/authorize/" + id)
		late := tool.begin()
		late.allowed(b, access)
		e.skew.Add(int64(oidc.DeviceLife))
		a.polls("too old", "expired_token")
		late.polls("allowed, fetched too late", "expired_token")
		if p := b.allow(id, access); p.status != 409 || p.body != "PAGE error oauth.device_old" {
			t.Errorf("too late a press: %v", p)
		}
		if _, err := e.sessions().BeginDevice(t.Context(), portique.Actor{Source: "192.0.2.1"}, a.user, "browser"); !errors.Is(err, portique.ErrDeviceCode) {
			t.Errorf("too old a code: %v", err)
		}
		e.skew.Add(int64(oidc.DeviceLife + time.Second))
		if err := e.provider.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.polls("forgotten", "invalid_grant")

		a = tool.begin() // the tool is no longer for devices, or gone
		id = a.typed(b)
		b.get("/oauth/authorize/" + id)
		edit(e, func(tx *store.Tx) (*portique.Tool, error) { return tx.Tool("caisse") }, func(t *portique.Tool) { t.Device = false }, (*store.Tx).UpdateTool)
		a.polls("no longer for devices", "unauthorized_client")
		if p := b.allow(id, access); p.status != 400 {
			t.Errorf("allowed for a tool no longer for devices: %v", p)
		}
		if _, err := e.sessions().BeginDevice(t.Context(), portique.Actor{Source: "192.0.2.1"}, a.user, "browser"); !errors.Is(err, portique.ErrDeviceCode) {
			t.Errorf("typed for a tool no longer for devices: %v", err)
		}
	})
}

// The press gives what its page showed, to who looked at it, and nothing else.
func TestDevicePress(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		several, nobody, one := e.account("Anne"), e.account("Zoé"), e.account("Luc")
		first := e.member(several, siren1, portique.Administrator)
		second := e.member(several, siren2, portique.Administrator)
		his := e.member(one, siren1, portique.Administrator)
		tool := e.relying(e.tool("caisse", forDevices))

		a := tool.begin()
		b := e.browser()
		b.signIn(several, "")
		id := a.typed(b)
		if p := b.get("/oauth/authorize/" + id); p.page() != "/oauth/company" {
			t.Fatal(p)
		}
		if p := b.allow(id, first); p.status != 409 || p.body != "PAGE error oauth.other_page" {
			t.Errorf("before a company was chosen: %v", p)
		}
		choose := func(access string) {
			e.tx(func(tx *store.Tx) error {
				row, err := tx.Authorization(id)
				if err != nil {
					return err
				}
				row.MembershipID = access
				return tx.SaveAuthorization(row)
			})
		}
		choose(first)
		if p := b.get("/oauth/authorize/" + id); p.page() != "/device/confirm" {
			t.Fatal(p)
		}
		choose(second) // in another tab
		for _, access := range []string{first, "", "x", his} {
			if p := b.allow(id, access); p.status != 409 {
				t.Errorf("for %q, another than chosen: %v", access, p)
			}
		}
		e.editMembership(second, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
		if p := b.allow(id, second); p.status != 409 {
			t.Errorf("for an access that has ended: %v", p)
		}
		a.polls("nothing was allowed", "authorization_pending")
		if p := b.get("/oauth/authorize/" + id); p.page() != "/device/confirm" { // the only one left
			t.Fatal(p)
		}
		key, _ := url.Parse(e.server.URL)
		signedIn := b.Jar.Cookies(key)
		b.Jar.SetCookies(key, []*http.Cookie{{Name: "portique_auth", Value: "", Path: "/", MaxAge: -1}})
		if p := b.allow(id, first); p.status != 401 {
			t.Errorf("signed out: %v", p)
		}
		b.signIn(one, "") // somebody else, in the same browser
		if p := b.allow(id, first); p.status != 409 {
			t.Errorf("for the one before: %v", p)
		}
		if p := b.allow(id, his); p.status != 409 {
			t.Errorf("without having looked: %v", p)
		}
		if p := b.get("/oauth/authorize/" + id); p.page() != "/login" {
			t.Errorf("somebody else goes on: %v", p)
		}
		b.Jar.SetCookies(key, signedIn)

		// A company named by the device; another one is no reason to choose silently.
		for hint, want := range map[portique.SIREN]string{siren1: "/device/confirm", siren3: "/oauth/company"} {
			h := tool.begin("company_hint", string(hint))
			c := e.browser()
			c.signIn(several, "")
			e.editMembership(second, func(m *portique.Membership) { m.Status = portique.MembershipActive })
			if p := c.get("/oauth/authorize/" + h.typed(c)); p.page() != want {
				t.Errorf("hint %s: %v", hint, p)
			}
		}
		// No company: the page that says so, whose way back is a refusal.
		a = tool.begin()
		c := e.browser()
		c.signIn(nobody, "")
		id = a.typed(c)
		if p := c.get("/oauth/authorize/" + id); p.page() != "/oauth/no-access" {
			t.Fatal(p)
		}
		if p := c.allow(id, first); p.status != 409 {
			t.Errorf("without a company: %v", p)
		}
		if p := c.send("POST", "/oauth/authorize/"+id+"/deny", nil); p.page() != "/device/done" {
			t.Error(p)
		}
		a.polls("no access", "access_denied")
		// A browser's own authorization has no such press.
		plain := e.relying(e.tool("paie", func(t *portique.Tool) { t.Consent = true }))
		d := e.browser()
		d.signIn(one, "")
		p := d.get(plain.url())
		if p.page() != "/oauth/consent" {
			t.Fatal(p)
		}
		if p := d.allow(p.param("authorization"), his); p.status != 400 || p.param("code") != "" {
			t.Errorf("allowed in a browser's own authorization: %v", p)
		}
	})
}

// A tool that asks first does so for a device too, before the page of the press.
func TestDeviceConsent(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("caisse", forDevices, func(t *portique.Tool) { t.Consent = true }))
		b := e.browser()
		b.signIn(person, "")
		a := tool.begin()
		id := a.typed(b)
		if p := b.get("/oauth/authorize/" + id); p.page() != "/oauth/consent" {
			e.t.Fatal(p)
		}
		if p := b.allow(id, access); p.status != 409 {
			e.t.Errorf("allowed before it was agreed to: %v", p)
		}
		u, _ := url.Parse(e.server.URL)
		for _, c := range b.Jar.Cookies(u) {
			if c.Name == "portique_browser" {
				if err := e.sessions().Consent(e.t.Context(), portique.Actor{AccountID: person, Door: portique.DoorAuth}, id, c.Value); err != nil {
					e.t.Fatal(err)
				}
			}
		}
		if p := b.get("/oauth/authorize/" + id); p.page() != "/device/confirm" {
			e.t.Fatal(p)
		}
		if p := b.allow(id, access); p.page() != "/device/done" {
			e.t.Fatal(p)
		}
		a.polls("agreed and allowed", "")
	})
}

// Whatever ends the access ends the device's too: before it fetched anything, and after.
func TestDeviceEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		endings := map[string]func(person, access, sessionID, tool string){
			"signed out":       func(_, _, s, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSession(s) }) },
			"another password": func(p, _, _, _ string) { e.tx(func(tx *store.Tx) error { return tx.EndSessionsOf(p) }) },
			"disabled": func(p, _, _, _ string) {
				e.tx(func(tx *store.Tx) error { return tx.SetAccountStatus(p, portique.AccountDisabled) })
			},
			"what was agreed to taken back": func(p, _, _, id string) { e.tx(func(tx *store.Tx) error { return tx.EndTool(p, id) }) },
			"removed": func(_, m, _, _ string) {
				e.editMembership(m, func(m *portique.Membership) { m.Status = portique.MembershipEnded })
			},
			"the company closed": func(_, m, _, _ string) {
				e.editCompany(siren2, func(c *portique.Company) { c.Status = portique.CompanyClosed })
			},
			"the tool removed": func(_, _, _, id string) {
				edit(e, func(tx *store.Tx) (*portique.Tool, error) { return tx.Tool(id) }, func(t *portique.Tool) { t.DisabledAt = begun }, (*store.Tx).UpdateTool)
			},
			"a right taken": func(_, m, _, _ string) {
				e.editMembership(m, func(m *portique.Membership) { m.Role, m.Rights = portique.Member, []string{"autre"} })
			},
		}
		n := 0
		for name, end := range endings {
			n++
			id := "caisse-" + string(rune('a'+n))
			person := e.account("Anne" + string(rune('a'+n)))
			siren := siren1
			if name == "the company closed" {
				siren = siren2
			}
			access := e.member(person, siren, portique.Administrator)
			tool := e.relying(e.tool(id, forDevices, func(t *portique.Tool) { t.BackchannelLogoutURI = "http://localhost:1/out" }))
			b := e.browser()
			b.signIn(person, "")
			before, after := tool.begin(), tool.begin("scope", "openid offline_access")
			before.allowed(b, access)
			after.allowed(b, access)
			p, got := after.poll()
			if p.status != 200 {
				t.Fatal(p)
			}
			if status, _ := tool.userinfo(got["access_token"].(string)); status != 200 {
				t.Fatalf("%s: userinfo %d beforehand", name, status)
			}
			end(person, access, b.sessionID, id)
			want := "invalid_grant"
			if name == "the tool removed" {
				want = "invalid_client"
			}
			if _, got := before.poll(); got["error"] != want || got["access_token"] != nil {
				t.Errorf("%s, not yet fetched: %v", name, got)
			}
			if status, _ := tool.userinfo(got["access_token"].(string)); status != 401 {
				t.Errorf("%s, userinfo: %d", name, status)
			}
			if _, got := tool.refresh(got["refresh_token"].(string)); got["error"] != want {
				t.Errorf("%s, refresh: %v", name, got)
			}
			if notices := e.notices(id); (name == "signed out" || name == "another password" || name == "what was agreed to taken back") && len(notices) != 1 {
				t.Errorf("%s: the tool is told %d times", name, len(notices))
			}
		}
	})
}

// Tools without a secret poll with their name alone; whoever shows a key has tokens that are bound to it.
func TestDevicePublicAndKey(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool := e.relying(e.tool("borne", forDevices, func(t *portique.Tool) {
			t.AuthMethod, t.SecretHash = "none", nil
		}))
		b := e.browser()
		b.signIn(person, "")
		a := tool.begin("scope", "openid offline_access")
		a.allowed(b, access)
		key := newSigner(e.t)
		p, got := a.poll(key.proof(e, "POST", "/oauth/token", ""))
		if p.status != 200 || got["token_type"] != "DPoP" {
			e.t.Fatal(p)
		}
		if status, _ := tool.userinfo(got["access_token"].(string)); status != 401 {
			e.t.Errorf("as a bearer: %d", status)
		}
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}, "client_id": {"borne"}}
		if p, got := tool.call("/oauth/token", form); got["error"] != "invalid_grant" {
			e.t.Errorf("refreshed without the key: %v", p)
		}
		if p, _ := tool.call("/oauth/token", form, key.proof(e, "POST", "/oauth/token", "")); p.status != 200 {
			e.t.Errorf("refreshed with the key: %v", p)
		}
		// A device alone comes back to nowhere, so it needs no address.
		alone := e.tool("ecran", forDevices, func(t *portique.Tool) { t.RedirectURIs = nil })
		if p := b.get("/oauth/authorize?response_type=code&scope=openid&redirect_uri=&client_id=" + alone.ID); p.status != 400 || p.body != "PAGE error oauth.redirect_uri_unknown" {
			e.t.Errorf("in a browser all the same: %v", p)
		}
	})
}

// Devices that wait are no strangers, however many share an address; but anybody may ask in the name of a tool without a secret.
func TestDeviceCrowd(t *testing.T) {
	onSQLite(t, func(e *env) {
		e.provider.LimitCrowds(5)
		public := e.relying(e.tool("borne", forDevices, func(t *portique.Tool) { t.AuthMethod, t.SecretHash = "none", nil }))
		a := public.begin()
		for range 10 {
			e.skew.Add(int64(5 * time.Second))
			a.polls("a shop full of tills", "authorization_pending")
		}
		for range 4 {
			public.begin()
		}
		p, got := public.call("/oauth/device", url.Values{"scope": {"openid"}, "client_id": {"borne"}})
		if p.status != 429 || got["error"] != "temporarily_unavailable" || p.header.Get("Retry-After") != "600" || got["device_code"] != nil {
			e.t.Errorf("one more: %v", p)
		}
		e.relying(e.tool("caisse", forDevices)).begin()
	})
}

// Guessing codes is slow, for a network and for a person; a right code costs nothing.
func TestDeviceGuessing(t *testing.T) {
	onBoth(t, func(t *testing.T, e *env) {
		tool := e.relying(e.tool("caisse", forDevices))
		try := func(actor portique.Actor, code string) error {
			_, err := e.sessions().BeginDevice(t.Context(), actor, code, "browser")
			return err
		}
		person := e.account("Anne")
		right := tool.begin().user
		here := portique.Actor{Source: "192.0.2.1"}
		for range portique.BudgetDeviceSource.Limit {
			if err := try(here, right); err != nil {
				t.Fatal(err)
			}
			if err := try(here, "no code"); portique.KindOf(err) != portique.Invalid {
				t.Fatal(err) // what cannot be one is no guess
			}
			if err := try(here, portique.NewDeviceCode()); !errors.Is(err, portique.ErrDeviceCode) {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			actor portique.Actor
			want  portique.Kind
		}{
			"the same network": {here, portique.TooSoon},
		} {
			if err := try(c.actor, right); portique.KindOf(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := try(portique.Actor{Source: "192.0.2.1", AccountID: person}, right); err != nil {
			t.Errorf("a colleague who is signed in: %v", err)
		}
		if err := try(portique.Actor{Source: "192.0.2.2"}, right); err != nil {
			t.Errorf("another network: %v", err)
		}
		for range portique.BudgetDeviceAccount.Limit {
			if err := try(portique.Actor{Source: "192.0.2.3", AccountID: person}, portique.NewDeviceCode()); !errors.Is(err, portique.ErrDeviceCode) {
				t.Fatal(err)
			}
		}
		if err := try(portique.Actor{Source: "192.0.2.4", AccountID: person}, right); portique.KindOf(err) != portique.TooSoon {
			t.Errorf("the same person elsewhere: %v", err)
		}
		e.skew.Add(int64(time.Hour))
		if err := try(here, tool.begin().user); err != nil {
			t.Errorf("an hour later: %v", err)
		}
		if n := count(e.actions(""), portique.ActionDeviceCodeFailed); n != portique.BudgetDeviceSource.Limit+portique.BudgetDeviceAccount.Limit {
			t.Errorf("%d wrong codes in the journal", n)
		}
	})
}

// A device that refreshes is not somebody at the browser where it was allowed: left alone, that browser is signed out
// after the idle time.
func TestDeviceKeepsNobodySignedIn(t *testing.T) {
	onSQLite(t, func(e *env) {
		person := e.account("Anne")
		access := e.member(person, siren1, portique.Administrator)
		tool, plain := e.relying(e.tool("caisse", forDevices)), e.relying(e.tool("paie"))
		b := e.browser()
		b.signIn(person, "")
		a := tool.begin("scope", "openid offline_access")
		a.allowed(b, access)
		_, got := a.poll()
		for range 12 { // eight hours
			e.skew.Add(int64(session.Idle / 3))
			_, got = tool.refresh(got["refresh_token"].(string))
		}
		if p := b.get(plain.url()); p.page() != "/login" {
			t.Errorf("eight hours after its last use, at the other browser: %v", p)
		}
	})
}

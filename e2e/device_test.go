package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A till without a browser is opened from a telephone: the till shows a code, Marie types it, reads what it is for, and presses.
func TestDeviceJourney(t *testing.T) {
	EachEngine(t, func(t *testing.T, app *App) {
		members := app.Import(t, 3)
		app.Create(t, Marie)
		app.Create(t, Paul)
		for _, shop := range members[:2] {
			app.Run(t, "", "membership", "grant", "--email", Marie.Email, "--siren", shop.SIREN, "--role", "administrator", "--reason", "essai")
		}
		app.Run(t, "", "tool", "add", "caisse", "--name", "Caisse", "--url", "http://localhost:9/", "--public", "--device")
		var shown struct {
			RedirectURIs []string `json:"redirect_uris"`
			Device       bool
		}
		app.JSON(t, &shown, "tool", "show", "caisse")
		if !shown.Device || shown.RedirectURIs == nil || len(shown.RedirectURIs) != 0 {
			t.Errorf("tool show: %+v", shown)
		}
		time.Sleep(1100 * time.Millisecond) // the server sees within a second what a command has changed

		var known struct {
			Device string   `json:"device_authorization_endpoint"`
			Grants []string `json:"grant_types_supported"`
		}
		read(t, call(t, "GET", app.Auth+"/.well-known/openid-configuration", nil), &known)
		const grant = "urn:ietf:params:oauth:grant-type:device_code"
		if known.Device != app.Auth+"/oauth/device" || !strings.Contains(strings.Join(known.Grants, " "), grant) {
			t.Fatalf("discovery: %+v", known)
		}
		type till struct {
			Code     string `json:"device_code"`
			User     string `json:"user_code"`
			Page     string `json:"verification_uri"`
			Complete string `json:"verification_uri_complete"`
		}
		ask := func() (c till) {
			t.Helper()
			read(t, call(t, "POST", known.Device, url.Values{"client_id": {"caisse"}, "scope": {"openid email company offline_access"}}), &c)
			return c
		}
		type polled struct {
			Error   string
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
		poll := func(c till) (p polled) {
			t.Helper()
			read(t, call(t, "POST", app.Auth+"/oauth/token", url.Values{"grant_type": {grant}, "client_id": {"caisse"}, "device_code": {c.Code}}), &p)
			return p
		}
		userinfo := func(token string) answer {
			t.Helper()
			return call(t, "GET", app.Auth+"/oauth/userinfo", nil, "Authorization", "Bearer "+token)
		}

		one := ask()
		if one.Page != app.Auth+"/device" || one.Complete != one.Page+"?user_code="+one.User || len(one.User) != 9 {
			t.Fatalf("%+v", one)
		}
		marie := app.Browser(t)
		marie.Open(one.Page) // typed by hand, wrong at first
		marie.At("device")
		for typed, says := range map[string]string{"": "Saisissez le code que l’appareil affiche.", "aeiou": "Ce code a huit lettres", "BBBB-BBBB": "Aucun appareil n’attend ce code."} {
			marie.Submit("/device", Fields{"user_code": {typed}})
			marie.Answers(http.StatusUnprocessableEntity)
			if alert := marie.Page().Alert(); !strings.Contains(alert, Plain(says)) || marie.Page().Value("user_code") != typed {
				t.Errorf("%q: %s, and %q in the field", typed, alert, marie.Page().Value("user_code"))
			}
		}
		marie.Open(one.Complete) // or by the link that the till shows as a picture
		marie.Says("Comparez ce code avec celui que votre appareil affiche.")
		if marie.Page().Value("user_code") != one.User {
			t.Errorf("in the field: %q", marie.Page().Value("user_code"))
		}
		if p := poll(one); p.Error != "authorization_pending" {
			t.Errorf("the link alone: %+v", p)
		}
		marie.Submit("/device", Fields{"user_code": {" " + strings.ToLower(strings.ReplaceAll(one.User, "-", " "))}})
		marie.At("login")
		marie.Says("Pour ouvrir Caisse")
		marie.Login(Marie)
		marie.At("choose-company")
		marie.Submit("/oauth/company", Fields{"access": {app.Membership(t, members[1].SIREN, Marie).ID}})
		marie.At("device-confirm")
		marie.Says("Autoriser l’appareil à ouvrir Caisse ?", members[1].Name, Marie.Email, "la même adresse réseau que ce navigateur", "N’autorisez que si vous venez de lancer cette demande vous-même")
		marie.Follow("Choisir une autre entreprise")
		marie.At("choose-company")
		marie.Submit("/oauth/company", Fields{"access": {app.Membership(t, members[0].SIREN, Marie).ID}})
		marie.Says(members[0].Name)
		confirm := marie.Page().URL.String()
		if p := poll(one); p.Error != "slow_down" {
			t.Errorf("before the press, and too soon: %+v", p)
		}
		app.Browser(t).Open(confirm) // another browser's business
		marie.Submit("/oauth/authorize/*/allow", nil)
		marie.At("device-done")
		marie.Says("Retournez à votre appareil", "C’est autorisé", "Caisse")
		done := marie.Page().URL.String()
		marie.Open(confirm) // back
		marie.At("device-done")
		stranger := app.Browser(t)
		stranger.Open(done)
		stranger.At("device")

		p := poll(one)
		if p.Access == "" || p.Refresh == "" {
			t.Fatalf("%+v", p)
		}
		var info struct {
			Email   string
			Company struct{ SIREN string }
		}
		read(t, userinfo(p.Access), &info)
		if info.Email != Marie.Email || info.Company.SIREN != members[0].SIREN {
			t.Errorf("userinfo: %+v", info)
		}
		if again := poll(one); again.Error != "invalid_grant" {
			t.Errorf("a second time: %+v", again)
		}
		// A code that was used is nobody's.
		marie.Open(one.Complete)
		marie.Submit("/device", nil)
		marie.Answers(http.StatusUnprocessableEntity)

		// Refused.
		two := ask()
		marie.Open(two.Complete)
		marie.Submit("/device", nil)
		marie.At("choose-company") // each device asks for itself
		marie.Submit("/oauth/company", Fields{"access": {app.Membership(t, members[0].SIREN, Marie).ID}})
		marie.Submit("/oauth/authorize/*/deny", nil)
		marie.At("device-done")
		marie.Says("Rien n’est autorisé", "Caisse ne s’ouvrira pas sur l’appareil.")
		if p := poll(two); p.Error != "access_denied" {
			t.Errorf("refused: %+v", p)
		}

		// Paul has no access: he is told where to mend it, and may refuse.
		three := ask()
		paul := app.Browser(t)
		paul.Open(three.Complete)
		paul.Submit("/device", nil)
		paul.Login(Paul)
		paul.At("no-access")
		paul.Says("Demandez ensuite un nouveau code à l’appareil.")
		paul.Submit("/oauth/authorize/*/deny", nil)
		paul.At("device-done")
		if p := poll(three); p.Error != "access_denied" {
			t.Errorf("without an access: %+v", p)
		}

		// Too late.
		four := ask()
		marie.Open(four.Complete)
		marie.Submit("/device", nil)
		marie.Submit("/oauth/company", Fields{"access": {app.Membership(t, members[0].SIREN, Marie).ID}})
		marie.At("device-confirm")
		app.Advance(t, 10*time.Minute)
		marie.Submit("/oauth/authorize/*/allow", nil)
		marie.Answers(http.StatusConflict)
		marie.Says("Ce code est trop vieux", "Demandez un autre code à l’appareil")
		if p := poll(four); p.Error != "expired_token" {
			t.Errorf("too late: %+v", p)
		}

		// Signing out ends what the device has.
		if p := refreshed(t, app, p.Refresh); p != "" {
			t.Errorf("refresh: %s", p)
		}
		marie.Open("/tools")
		marie.Submit("/session/end", nil)
		if got := userinfo(p.Access); got.status != http.StatusUnauthorized {
			t.Errorf("signed out, userinfo answers %d", got.status)
		}
	})
}

func read(t *testing.T, a answer, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

func refreshed(t *testing.T, app *App, token string) (refused string) {
	t.Helper()
	var got struct{ Error string }
	read(t, call(t, "POST", app.Auth+"/oauth/token", url.Values{"grant_type": {"refresh_token"}, "client_id": {"caisse"}, "refresh_token": {token}}), &got)
	return got.Error
}

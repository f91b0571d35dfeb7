package portique_test

import (
	"slices"
	"strings"
	"testing"

	"portique"
)

func TestToolCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*portique.Tool)
		faults string
	}{
		"as it is": {func(*portique.Tool) {}, ""},
		"on this machine": {func(t *portique.Tool) {
			t.URL, t.RedirectURIs = "http://localhost:8084/", []string{"http://127.0.0.1:1/cb"}
		}, ""},
		"a public one":       {func(t *portique.Tool) { t.AuthMethod = "none" }, ""},
		"without PKCE":       {func(t *portique.Tool) { t.PKCEOptional = true }, ""},
		"with a query":       {func(t *portique.Tool) { t.RedirectURIs = []string{"https://paie.example/cb?x=1"} }, ""},
		"RS256":              {func(t *portique.Tool) { t.Algorithm = "RS256" }, ""},
		"contributions":      {func(t *portique.Tool) { t.Audience = portique.AudienceContributions }, ""},
		"no id":              {func(t *portique.Tool) { t.ID = "" }, "id tool.id"},
		"the portal's id":    {func(t *portique.Tool) { t.ID = "portal" }, "id tool.id"},
		"the id of all":      {func(t *portique.Tool) { t.ID = portique.AllTools }, "id tool.id"},
		"an id in capitals":  {func(t *portique.Tool) { t.ID = "Paie" }, "id tool.id"},
		"an id with a line":  {func(t *portique.Tool) { t.ID = "paie\n" }, "id tool.id"},
		"an id of 65":        {func(t *portique.Tool) { t.ID = strings.Repeat("a", 65) }, "id tool.id"},
		"no name":            {func(t *portique.Tool) { t.Name = " \u200b" }, "name tool.name"},
		"a name in English":  {func(t *portique.Tool) { t.NameEN = strings.Repeat("é", 100) }, ""},
		"one of 101 signs":   {func(t *portique.Tool) { t.NameEN = strings.Repeat("é", 101) }, "name_en tool.name_en"},
		"English alone":      {func(t *portique.Tool) { t.Name, t.NameEN = "", "Payslips" }, "name tool.name"},
		"no redirect":        {func(t *portique.Tool) { t.RedirectURIs = nil }, "redirect_uri tool.redirect_missing"},
		"a device alone":     {func(t *portique.Tool) { t.RedirectURIs, t.Device = nil, true }, ""},
		"a device, pairwise": {func(t *portique.Tool) { t.RedirectURIs, t.Device, t.Pairwise = nil, true, true }, "redirect_uri tool.redirect_missing"},
		"a bad sign-out":     {func(t *portique.Tool) { t.PostLogoutURIs = []string{"/"} }, "post_logout_uri tool.redirect"},
		"another audience":   {func(t *portique.Tool) { t.Audience = "everybody" }, "audience tool.audience"},
		"another method":     {func(t *portique.Tool) { t.AuthMethod = "client_secret_jwt" }, "auth_method tool.auth_method"},
		"no keys":            {func(t *portique.Tool) { t.AuthMethod = "private_key_jwt" }, "jwks tool.jwks_missing"},
		"keys":               {func(t *portique.Tool) { t.AuthMethod, t.JWKS = "private_key_jwt", "{}" }, ""},
		"keys to fetch":      {func(t *portique.Tool) { t.AuthMethod, t.JWKSURI = "private_key_jwt", "https://paie.example/keys" }, ""},
		"keys from afar":     {func(t *portique.Tool) { t.JWKSURI = "http://paie.example/keys" }, "jwks_uri tool.redirect"},
		"a bad back channel": {func(t *portique.Tool) { t.BackchannelLogoutURI = "http://10.0.0.1/" }, "backchannel_logout_uri tool.redirect"},
		"a level of ours":    {func(t *portique.Tool) { t.MinACR = "portique:2" }, ""},
		"another level":      {func(t *portique.Tool) { t.MinACR = "gold" }, "min_acr tool.min_acr"},
		"two claims":         {func(t *portique.Tool) { t.Claims = []string{"email", "company"} }, ""},
		"another claim":      {func(t *portique.Tool) { t.Claims = []string{"password"} }, "claims tool.claim"},
		"pairwise":           {func(t *portique.Tool) { t.Pairwise = true }, ""},
		"pairwise, two hosts": {func(t *portique.Tool) {
			t.Pairwise, t.RedirectURIs = true, append(t.RedirectURIs, "https://autre.example/cb")
		}, "redirect_uri tool.pairwise_hosts"},
		"public, no PKCE": {func(t *portique.Tool) { t.AuthMethod, t.PKCEOptional = "none", true }, "no_pkce tool.public_pkce"},
		"no signature":    {func(t *portique.Tool) { t.Algorithm = "none" }, "alg tool.algorithm"},
		"all of it":       {func(t *portique.Tool) { *t = portique.Tool{} }, "id tool.id, name tool.name, url tool.url, redirect_uri tool.redirect_missing, audience tool.audience, auth_method tool.auth_method, alg tool.algorithm"},
	} {
		tool := &portique.Tool{ID: "paie", Name: "Paie", URL: "https://paie.example/", RedirectURIs: []string{"https://paie.example/cb"},
			Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}
		c.change(tool)
		if got := keyOf(tool.Check()); got != c.faults {
			t.Errorf("%s: %q, want %q", name, got, c.faults)
		}
	}
}

// OID-03 An address where sign-ins come back is on https or on this machine, whole and exact (RFC 9700).
func TestOID03ToolAddresses(t *testing.T) {
	for _, address := range []string{
		"", "paie.example/cb", "/cb", "//paie.example/cb", "http://paie.example/cb", "http://localhost.evil.example/cb",
		"http://127.0.0.1.evil.example/", "https:///cb", "https:paie.example", "https://paie.example/cb#x", "https://paie.example/cb#",
		"https://*.paie.example/cb", "https://paie.example/*", "https://user@paie.example/cb", "https://paie.example@evil.example/",
		"https://paie.example/c b", "https://paie.example/\r\nX: y", "https://paie.example\t/", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript://paie.example/%0aalert(1)", "data:text/html,x",
		"http://0.0.0.0/cb", "http://2130706433/cb", "http://0177.0.0.1/cb", "http://[::ffff:127.0.0.1]/cb", "http://169.254.169.254/cb", "http://10.0.0.1/cb",
		"com.example.paie:/cb", "ftp://paie.example/", "https://paie.example/%zz", "\x00https://paie.example/",
	} {
		tool := &portique.Tool{ID: "paie", Name: "Paie", URL: "https://paie.example/", RedirectURIs: []string{"https://paie.example/cb", address},
			Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}
		if got := keyOf(tool.Check()); got != "redirect_uri tool.redirect" {
			t.Errorf("%q as a redirect: %q", address, got)
		}
		tool.RedirectURIs, tool.URL = tool.RedirectURIs[:1], address
		if got := keyOf(tool.Check()); got != "url tool.url" {
			t.Errorf("%q as an address: %q", address, got)
		}
	}
}

// People read a tool's words in their language, or those that there are.
func TestToolInALanguage(t *testing.T) {
	for name, c := range map[string]struct{ text, english, fr, en string }{
		"both":    {"Paie", "Payslips", "Paie", "Payslips"},
		"French":  {"Paie", "", "Paie", "Paie"},
		"English": {"", "Payslips", "Payslips", "Payslips"},
		"none":    {"", "", "", ""},
	} {
		tool := portique.Tool{Name: c.text, NameEN: c.english, Description: c.text, DescriptionEN: c.english}
		for lang, want := range map[string]string{"fr": c.fr, "en": c.en, "": c.fr} {
			if tool.NameIn(lang) != want || tool.DescriptionIn(lang) != want {
				t.Errorf("%s, to who reads %q: %q, %q", name, lang, tool.NameIn(lang), tool.DescriptionIn(lang))
			}
		}
	}
	tools := []*portique.Tool{{ID: "b", Name: "Paie", NameEN: "Payslips"}, {ID: "d", Name: "écoles", NameEN: "Schools"}, {ID: "a", Name: "Paie"}, {ID: "c", Name: "Zones", NameEN: "Areas"}}
	for lang, want := range map[string]string{"fr": "dabc", "en": "cabd"} {
		slices.SortFunc(tools, portique.ByNameIn(lang))
		got := ""
		for _, one := range tools {
			got += one.ID
		}
		if got != want {
			t.Errorf("in %s: %s", lang, got)
		}
	}
	spaced := &portique.Tool{NameEN: " Pay\tslips\u200b", Description: "Voir\nses bulletins ", DescriptionEN: "\u202eSee them"}
	_ = spaced.Check()
	if spaced.NameEN != "Pay slips" || spaced.Description != "Voir ses bulletins" || spaced.DescriptionEN != "See them" {
		t.Errorf("%+v", spaced)
	}
}

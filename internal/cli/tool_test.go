package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

const keySet = `{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1"}]}`

// show is all there is to say of a tool.
func (s *shell) show(id string) map[string]any {
	s.t.Helper()
	v := map[string]any{}
	if err := json.Unmarshal([]byte(s.ok("", "tool", "show", id, "--json")), &v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// A tool is registered, changed in part, removed and brought back.
func TestTool(t *testing.T) {
	s := newShell(t)
	s.ok("", "migrate")
	add := []string{"tool", "add", "paie", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "https://paie.example/cb"}
	first := object(t, s.ok("", append(add, "--json", "--min-acr", "portique:1", "--claims", "name,email", "--pairwise", "--backchannel-logout-uri", "https://paie.example/out")...),
		toolFields+" client_secret", "")
	if v := s.show("paie"); v["min_acr"] != "portique:1" || v["pairwise"] != true || v["pkce"] != true || v["alg"] != "ES256" || len(v["claims"].([]any)) != 2 || v["consent"] != nil || v["client_secret"] != nil {
		t.Errorf("%v", v)
	}
	changed := object(t, s.ok("", "tool", "set", "paie", "--no-pkce", "--no-pairwise", "--min-acr=", "--backchannel-logout-uri=", "--json"), toolFields, "client_secret")
	if v := s.show("paie"); changed["client_secret"] != nil || v["pkce"] != false || v["pairwise"] != nil || v["min_acr"] != nil || v["backchannel_logout_uri"] != nil || v["name"] != "Paie" {
		t.Errorf("%v %v", changed, v)
	}
	if out := s.ok("", "tool", "set", "paie", "--new-secret"); !strings.Contains(out, "client secret") || strings.Contains(out, first["client_secret"].(string)) {
		t.Error(out)
	}
	if out := s.ok("", "tool", "set", "paie", "--auth-method", "private_key_jwt", "--jwks-file", s.file("keys.json", keySet)); strings.Contains(out, "secret") {
		t.Error(out)
	}
	if out := s.ok("", "tool", "show", "paie"); !strings.Contains(out, "private_key_jwt") || !strings.Contains(out, "keys                    1\n") || strings.Contains(out, "consent") {
		t.Error(out)
	}
	if out := s.ok("", "tool", "set", "paie", "--auth-method", "client_secret_post"); !strings.Contains(out, "client secret") {
		t.Errorf("a tool without a secret yet got none: %s", out)
	}
	s.ok("", "tool", "remove", "paie")
	if tools := array(t, s.ok("", "tool", "list", "--json"), toolFields, ""); len(tools) != 0 {
		t.Errorf("%v", tools)
	}
	s.fails(1, "", "", "tool", "remove", "paie")
	s.fails(1, "", "", add...)
	if s.ok("", "tool", "set", "paie"); s.show("paie")["removed"] != nil {
		t.Error("it is still removed")
	}

	s.ok("", "tool", "set", "paie", "--name-en", " Payslips ", "--description-en", "See them.")
	if v := s.show("paie"); v["name"] != "Paie" || v["name_en"] != "Payslips" || v["description_en"] != "See them." || v["description"] != nil {
		t.Errorf("%v", v)
	}
	if out := s.ok("", "tool", "show", "paie"); !strings.Contains(out, "name in english         Payslips\n") || !strings.Contains(out, "description in english  See them.\n") {
		t.Error(out)
	}
	if v := array(t, s.ok("", "tool", "list", "--json"), toolFields+" name_en", "")[0]; v["name_en"] != "Payslips" || !strings.Contains(s.ok("", "tool", "list"), "Payslips") {
		t.Errorf("%v", v)
	}
	s.fails(1, "100", "", "tool", "set", "paie", "--name-en", strings.Repeat("x", 101))
	if s.ok("", "tool", "set", "paie", "--name-en=", "--description-en="); s.show("paie")["name_en"] != nil || s.show("paie")["description_en"] != nil {
		t.Errorf("%v", s.show("paie"))
	}

	s.ok("", "tool", "add", "borne", "--name", "Borne", "--url", "https://borne.example/", "--public", "--device")
	if v := s.show("borne"); v["device"] != true || len(v["redirect_uris"].([]any)) != 0 || s.show("paie")["device"] != nil {
		t.Errorf("%v", v)
	}
	s.fails(1, "return address", "", "tool", "set", "borne", "--no-device") // it would come back to nowhere
	if s.ok("", "tool", "set", "borne", "--no-device", "--redirect-uri", "https://borne.example/cb"); s.show("borne")["device"] != nil {
		t.Error("it is still for devices")
	}

	s.fails(1, "tool set --help", "", "tool", "set", "paie", "--min-acr", "gold")
	s.fails(1, "shoe_size", "", "tool", "set", "paie", "--claims", "name,shoe_size")
	s.fails(1, "JWKS", "", "tool", "set", "paie", "--auth-method", "private_key_jwt", "--jwks-file", s.file("bad.json", `{"keys":[]}`))
	s.fails(1, "jwks", "", "tool", "add", "other", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "https://paie.example/cb", "--auth-method", "private_key_jwt")
	s.fails(1, "http://paie.example/", "", "tool", "set", "paie", "--backchannel-logout-uri", "http://paie.example/")
	s.fails(1, "host", "", "tool", "set", "paie", "--pairwise", "--redirect-uri", "https://paie.example/cb", "--redirect-uri", "https://other.example/cb")
	s.fails(1, "secret", strings.Repeat("x", 40)+"\n", "tool", "set", "paie", "--public", "--pkce", "--secret-stdin")
	s.fails(1, "", "", "tool", "set", "unknown", "--name", "x")
	s.fails(2, "", "", "tool", "set", "paie", "--jwks-file", s.file("keys2.json", keySet), "--jwks-uri", "https://paie.example/keys")
	s.fails(2, "", "", "tool", "set", "paie", "--new-secret", "--secret-stdin")
}

// A file says what the tools are; applied again, it changes nothing.
func TestToolApply(t *testing.T) {
	s := newShell(t)
	s.ok("", "migrate")
	text := `tools:
  - client_id: one
    name: One
    name_en: The one
    description_en: Only one.
    url: https://one.example/
    redirect_uris: [https://one.example/cb]
    post_logout_uris: [https://one.example/bye]
    client_secret: a-secret-of-forty-signs-that-nobody-knows
    alg: RS256
    pkce: false
  - client_id: two
    name: Two
    url: https://two.example/
    redirect_uris: [https://two.example/cb]
    auth_method: private_key_jwt
    jwks: ` + keySet + `
  - client_id: three
    name: Three
    url: https://three.example/
    redirect_uris: [https://three.example/cb]
    audience: contributions
    claims: [email]
    device: true
`
	apply := func(name, text string, want ...string) {
		t.Helper()
		var got []string
		for _, v := range array(t, s.ok("", "tool", "apply", s.file(name, text), "--json"), "client_id done", "client_secret") {
			line := v["client_id"].(string) + " " + v["done"].(string)
			if v["client_secret"] != nil {
				line += " secret"
			}
			got = append(got, line)
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	apply("tools.yaml", text, "one added", "two added", "three added secret")
	if v := s.show("one"); v["pkce"] != false || v["alg"] != "RS256" || v["name_en"] != "The one" || v["description_en"] != "Only one." || v["auth_method"] != "client_secret_basic" {
		t.Errorf("%v", v)
	}
	if v := s.show("two"); v["auth_method"] != "private_key_jwt" || v["jwks"] == nil {
		t.Errorf("%v", v)
	}
	if s.show("three")["device"] != true || s.show("two")["device"] != nil {
		t.Error("for devices or not")
	}
	apply("tools.yaml", text, "one same", "two same", "three same")
	apply("tools.yaml", strings.Replace(text, "name: Two", "name: Deux", 1), "one same", "two changed", "three same")
	apply("tools.yaml", strings.Replace(text, "client_id: three", "client_id: three\n    removed: true", 1), "one same", "two changed", "three removed")
	apply("tools.yaml", text, "one same", "two same", "three changed")

	code, out, _ := s.run("", "tool", "apply", s.file("bad.yaml", strings.Replace(text, "https://one.example/cb", "http://one.example/cb", 1)))
	if code != 1 || !strings.Contains(out, "refused") || !strings.Contains(out, "http://one.example/cb") {
		t.Errorf("%d %s", code, out)
	}
	for name, text := range map[string]string{"a word too much": text + "    colour: blue\n", "empty": "", "no list": "tool: []\n", "not YAML": "\t"} {
		if code, _, _ := s.run("", "tool", "apply", s.file("worse.yaml", text)); code != 2 {
			t.Errorf("%s: %d", name, code)
		}
	}
}

// Keys are made ahead, listed and revoked.
func TestKey(t *testing.T) {
	s := newShell(t)
	s.ok("", "migrate")
	if keys := array(t, s.ok("", "key", "rotate", "--json"), "kid alg status", ""); len(keys) != 0 {
		t.Errorf("keys nobody has needed yet: %v", keys)
	}
	s.fails(1, "portique key list", "", "key", "revoke", "x")
	s.fails(2, "", "", "key", "rotate", "--after", "-1h")
	if out := s.ok("", "key", "list"); !strings.Contains(out, "KID") {
		t.Error(out)
	}
}

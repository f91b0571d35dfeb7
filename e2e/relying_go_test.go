package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// goParties plays the person for the program of the folder parties: zitadel/oidc and hashicorp/cap, each with a secret and ES256, and
// with a key and RS256.
func goParties(t *testing.T, app *App, shops Members) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	const keyID = "first"
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: keyID, Use: "sig", Algorithm: "RS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	// One of the tools hands its keys over, the other publishes them.
	keys := app.File(t, "parties.jwks", string(public))
	fetched := make(chan struct{}, 100)
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched <- struct{}{}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(public)
	}))
	t.Cleanup(published.Close)

	port := freePorts(t, 1)[0]
	address := fmt.Sprintf("http://localhost:%d", port)
	secrets := map[string]string{}
	ids := []string{"cap-secret", "cap-key", "zitadel-secret", "zitadel-key"}
	for i, id := range ids {
		options := []string{"--device", "--post-logout-uri", address + "/" + id + "/goodbye"}
		if i%2 == 1 {
			options = append(options, "--alg", "RS256", "--auth-method", "private_key_jwt")
		}
		switch id {
		case "cap-key":
			options = append(options, "--jwks-file", keys)
		case "zitadel-key":
			options = append(options, "--jwks-uri", published.URL)
		}
		secrets[id] = app.registered(t, id, address+"/"+id, options...)
	}
	program := filepath.Join(t.TempDir(), "parties")
	if out, err := exec.Command("go", "build", "-C", "parties", "-ldflags", "-s -w", "-o", program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	select {
	case <-fetched:
	case <-time.After(30 * time.Second):
		t.Fatal("the keys that a tool publishes were not fetched")
	}
	settings, err := json.Marshal(map[string]any{
		"issuer": app.Auth, "listen": fmt.Sprintf("localhost:%d", port), "address": address, "secrets": secrets, "key_id": keyID,
		"key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
	})
	if err != nil {
		t.Fatal(err)
	}
	parties := exec.Command(program)
	parties.Env = []string{"PARTIES=" + string(settings)}
	opens(t, parties, port)

	b := app.Browser(t)
	for _, id := range ids {
		if b.Open(address + "/" + id + "/login"); b.Page().Main() == "login" {
			b.Login(Marie)
		}
		b.At("choose-company")
		b.Press(shops[0].Name)
		if p := b.Page(); p.Main() != "party" {
			t.Errorf("%s: %s\n%s%s", id, p, b.trail(), p.Body)
		}
	}
	if !b.Went(address + "/zitadel-key/goodbye") { // which signs out at the end
		t.Errorf("the last page is %s", b.Page())
	}
	device := address + "/zitadel-key/device"
	b.Open(device)
	b.At("device")
	b.Submit("/device", nil)
	b.At("login")
	b.Login(Marie)
	b.At("choose-company")
	b.Press(shops[0].Name)
	b.At("device-confirm")
	b.Submit("/oauth/authorize/*/allow", nil)
	b.At("device-done")
	if p := b.Open(device); p.Main() != "party" {
		t.Errorf("as a device: %s", p.Body)
	}
}

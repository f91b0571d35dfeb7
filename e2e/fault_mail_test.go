package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"strings"
	"testing"
	"time"
)

// letters lists the outbox for an address.
func (a *App) letters(t *testing.T, to string) []Letter {
	t.Helper()
	var list []Letter
	a.JSON(t, &list, "letter", "list", "--email", to)
	return list
}

// signUp signs somebody up, which promises a letter.
func (a *App) signUp(t *testing.T, email string) *Browser {
	t.Helper()
	b := a.Browser(t)
	b.Register(Person{"Zoé", "Lemaire", email})
	b.At("register-sent")
	return b
}

// F-12, F-13, MAI-06: for some domains the mail server hangs, trickles, refuses for now or breaks at each step. Everybody else's letter
// leaves meanwhile; when it behaves again each letter arrives, once or with one Message-ID.
func TestMailOfBadDomains(t *testing.T) {
	t.Parallel()
	app := Prepare(t, "sqlite")
	postman := newPostman(t, app.Mail)
	app.only = append(app.only, postman.smtpURL("", "none"))
	app.serve(t)
	acts := map[string]act{
		"RCPT hang": {hang: true}, "DATA hang": {hang: true}, "end hang": {hang: true},
		"RCPT later": {answer: "450 4.2.1 later"}, "DATA later": {answer: "451 4.3.0 later"}, "end later": {answer: "452 4.3.1 later"},
		"RCPT drop": {drop: true}, "end drop": {drop: true},
	}
	domain := func(name string) string {
		return strings.ToLower(strings.ReplaceAll(name, " ", "-")) + ".example"
	}
	for name, a := range acts {
		step, _, _ := strings.Cut(name, " ")
		postman.On(step+" "+domain(name), a)
	}
	for name := range acts {
		app.signUp(t, "zoe@"+domain(name))
	}
	for name := range acts {
		step, _, _ := strings.Cut(name, " ")
		postman.Reached(t, step+" "+domain(name), 1)
	}
	begun := time.Now()
	app.signUp(t, "zoe@sain.example")
	app.Mail.Wait(t, "zoe@sain.example", "Validation")
	timed(t, "a letter past those that hang", begun, 2*time.Second, 15*time.Second)

	postman.Heal()
	postman.On("RCPT slow.example", act{pace: 20 * time.Millisecond}) // a byte at a time is slow, and no fault
	app.signUp(t, "zoe@slow.example")
	app.Mail.Wait(t, "zoe@slow.example", "Validation")
	for name := range acts { // each attempt has failed and is written down
		for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
			if l := app.letters(t, "zoe@"+domain(name))[0]; l.Status == "sent" || l.Status == "queued" && l.Attempts > 0 && l.LastError != "" {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", name, l)
			}
		}
	}
	app.Advance(t, 30*time.Second) // retries start within that
	for name := range acts {
		to := "zoe@" + domain(name)
		app.Mail.Wait(t, to, "Validation")
		if ids := postman.MessageIDs(to); len(ids) != 1 {
			t.Errorf("MAI-06 %s: Message-IDs %v", name, ids)
		}
	}
	letters := app.drained(t)
	for _, l := range letters {
		if l.Status != "sent" {
			t.Errorf("%+v", l)
		}
	}
	if n := postman.MessageIDs("zoe@end-drop.example")[app.letters(t, "zoe@end-drop.example")[0].MessageID]; n != 2 {
		t.Errorf("MAI-06: what was taken before the connection broke came %d times, as far as we know", n)
	}
}

// F-11, F-13, F-14: the mail server is gone, or refuses us whoever the letter is for. The pages promise a letter all the same, every
// letter is kept, and each leaves when the server is back.
func TestMailServerGone(t *testing.T) {
	t.Parallel()
	app := Prepare(t, "sqlite")
	postman := newPostman(t, app.Mail)
	app.only = append(app.only, postman.smtpURL("", "none"))
	app.serve(t)
	var people []string
	for _, one := range []struct {
		name, step string
		act        act
	}{
		{"closed", "connect", act{drop: true}},
		{"busy", "connect", act{answer: "421 4.3.2 too busy"}},
		{"silent", "connect", act{hang: true}},
		{"mute", "EHLO", act{hang: true}},
		{"trickle", "EHLO", act{pace: time.Second}},
		{"frozen", "MAIL", act{hang: true}},
		{"later", "MAIL", act{answer: "451 4.3.0 later"}},
		{"never", "MAIL", act{answer: "550 5.7.1 we do not know you"}},
	} {
		postman.mu.Lock()
		before := postman.seen[one.step]
		postman.mu.Unlock()
		postman.On(one.step, one.act)
		email := "zoe@" + one.name + ".example"
		people = append(people, email)
		b := app.signUp(t, email)
		b.Says("Un message de validation a été envoyé")
		postman.Reached(t, one.step, before+1)
		postman.Heal()
	}
	// It takes a letter and never says goodbye: the letter has arrived all the same, once.
	postman.On("QUIT", act{hang: true})
	app.signUp(t, "zoe@adieu.example")
	app.Mail.Wait(t, "zoe@adieu.example", "Validation")
	postman.Reached(t, "QUIT", 1)
	for deadline := time.Now().Add(patience); app.letters(t, "zoe@adieu.example")[0].Status != "sent"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a letter without a goodbye is not marked as sent")
		}
	}
	postman.Heal()
	app.Advance(t, time.Minute)
	for _, email := range people {
		app.Mail.Wait(t, email, "Validation")
	}
	for _, l := range app.drained(t) {
		if l.Status != "sent" {
			t.Errorf("%+v", l)
		}
	}
}

// F-14: one address is refused for good. Its letter is given up and says why, the page of whoever waits for it says so too, and
// correcting the address leads on.
func TestAddressRefused(t *testing.T) {
	t.Parallel()
	app := Start(t, "sqlite")
	const wrong, right = "zoe@faux.example", "zoe@juste.example"
	app.Mail.Refuse(wrong, 550)
	zoe := app.signUp(t, wrong)
	if zoe.Page().Alert() != "" {
		t.Errorf("an alert before anything was tried: %s", zoe.Page().Alert())
	}
	for deadline := time.Now().Add(patience); app.letters(t, wrong)[0].Status != "dead"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%+v", app.letters(t, wrong))
		}
	}
	if l := app.letters(t, wrong)[0]; !strings.Contains(l.LastError, "550") {
		t.Errorf("the operator reads %q", l.LastError)
	}
	zoe.Open(app.Auth + "/register/sent")
	if alert := zoe.Page().Alert(); !strings.Contains(alert, wrong) || !strings.Contains(alert, "n'a pas pu être remis") {
		t.Errorf("the page says %q", alert)
	}
	zoe.Submit("/register/address", Fields{"email": {right}})
	letter := app.Mail.Wait(t, right, "Validation")
	zoe.Open(app.Auth + "/register/sent")
	if alert := zoe.Page().Alert(); alert != "" {
		t.Errorf("after the correction the page still says %q", alert)
	}
	// The wrong address works again: a message asked for anew takes the mark away.
	app.Mail.Refuse(wrong, 0)
	zoe.Submit("/register/address", Fields{"email": {wrong}})
	app.Mail.Wait(t, wrong, "Validation")
	app.drained(t)
	zoe.Open(app.Auth + "/register/sent")
	if alert := zoe.Page().Alert(); alert != "" {
		t.Errorf("after a delivery the page still says %q", alert)
	}
	zoe.Open(letter.Link(t, "/validate"))
}

// F-16: the mail server offers no encryption, or shows a certificate that is not its own. Neither the password nor a letter is sent, and
// the queue is kept.
func TestMailServerNotToBeTrusted(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]*tls.Config{"STARTTLS stripped": nil, "a wrong certificate": selfSigned(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := Prepare(t, "sqlite")
			postman := newPostman(t, app.Mail)
			postman.TLS = config
			app.only = append(app.only, postman.smtpURL("portique:motdepasse-smtp@", "starttls"))
			app.serve(t)
			app.signUp(t, "zoe@prudence.example")
			postman.Reached(t, "EHLO", 1)
			for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
				if l := app.letters(t, "zoe@prudence.example")[0]; l.Status == "queued" && l.Attempts > 0 && l.LastError != "" {
					break
				} else if time.Now().After(deadline) {
					t.Fatalf("%+v", l)
				}
			}
			for _, line := range strings.Split(postman.Clear(), "\n") {
				if verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb == "AUTH" || verb == "MAIL" || verb == "RCPT" || verb == "DATA" {
					t.Errorf("sent in clear: %s", line)
				}
			}
			if clear := postman.Clear() + app.Log(); strings.Contains(clear, "motdepasse-smtp") || strings.Contains(clear, "validate?token") {
				t.Error("a secret was sent or logged in clear")
			}
			if !strings.Contains(app.Log(), "the mail server takes no letter") {
				t.Error("the log does not alert")
			}
		})
	}
}

func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	card := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, card, card, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

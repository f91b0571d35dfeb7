package demo

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/account"
	"portique/internal/company"
	"portique/internal/config"
	"portique/internal/demo/gallery"
	"portique/internal/i18n"
	"portique/internal/mail"
	"portique/internal/secret"
	"portique/internal/server"
	"portique/internal/store"
	"portique/internal/tool"
	"portique/internal/web/template"
)

// Options say where the demo lives.
type Options struct {
	Dir  string // "" for a folder of its own, removed at the end
	Port int    // of the portal; the other doors follow
	Log  *slog.Logger
}

// Ready is what the demo prints once everything answers.
type Ready struct {
	Portal   string   `json:"portal"`
	Auth     string   `json:"auth"`
	Operator string   `json:"operator,omitempty"` // joins with the back office
	Mailbox  string   `json:"mailbox"`
	Tools    []string `json:"tools"`
	Free     Free     `json:"free"`
	Taken    Taken    `json:"taken"`
	Members  string   `json:"-"` // the member file, with --dir
}

// Free is a company that nobody attached yet.
type Free struct {
	SIREN      string `json:"siren"`
	MemberCode string `json:"member_code"`
	Name       string `json:"-"`
}

// Taken is a company with its administrator's sign-in.
type Taken struct {
	SIREN      string `json:"siren"`
	MemberCode string `json:"member_code"`
	Email      string `json:"email"`
	Password   string `json:"password"` // "" when another was chosen since the folder was made
	Name       string `json:"-"`
}

// companies is the size of the demo's member file.
const companies = 1000

// seed is what a folder of the demo remembers: everything else follows.
type seed struct {
	Seed string `json:"seed"` // 32 bytes, base64
	Port int    `json:"port"`
}

func (s seed) derive(purpose string) []byte {
	m := hmac.New(sha256.New, []byte(s.Seed))
	m.Write([]byte(purpose))
	return m.Sum(nil)
}

func readSeed(dir string, port int) (seed, error) {
	path := filepath.Join(dir, "demo.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		random := make([]byte, 32)
		rand.Read(random)
		s := seed{Seed: base64.StdEncoding.EncodeToString(random), Port: port}
		if b, err = json.Marshal(s); err != nil {
			return s, err
		}
		return s, os.WriteFile(path, append(b, '\n'), 0o600)
	}
	var s seed
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	if s.Port != port {
		return s, fmt.Errorf("this folder was made for port %d: add --port %d, or use another --dir", s.Port, s.Port)
	}
	return s, nil
}

// Run plays the whole street on this machine until ctx ends: portal, sign-in
// host, mailbox, three tools. ready is called once all of them answer.
func Run(ctx context.Context, o Options, ready func(Ready)) error {
	if o.Port < 1 || o.Port > 65535-7 {
		return fmt.Errorf("--port: %d leaves no room for the other doors", o.Port)
	}
	dir := o.Dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "portique-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s, err := readSeed(dir, o.Port)
	if err != nil {
		return err
	}

	smtp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer smtp.Close()
	c, err := config.Load([]string{
		"PORTIQUE_PORTAL_URL=" + origin(o.Port), "PORTIQUE_AUTH_URL=" + origin(o.Port+1), "PORTIQUE_OPERATOR_URL=" + origin(o.Port+2),
		"PORTIQUE_DATABASE_URL=sqlite:" + filepath.Join(dir, "portique.db"),
		"PORTIQUE_SMTP_URL=smtp://" + smtp.Addr().String() + "?tls=none",
		"PORTIQUE_SUPPORT_EMAIL=assistance@opcommerce.example", "PORTIQUE_SUPPORT_PHONE=01 99 00 12 34",
	})
	if err != nil {
		return err
	}
	app, err := server.OpenApp(ctx, c, server.Serve)
	if err != nil {
		return err
	}
	defer app.Close()

	r := Ready{Portal: c.PortalURL, Auth: c.AuthURL, Mailbox: origin(o.Port + 3)}
	mailbox := NewMailbox(MailboxOptions{Hosts: hosts(o.Port + 3), PortalURL: c.PortalURL})
	defer mailbox.Close()
	go func() { _ = mailbox.ServeSMTP(smtp) }()

	stage := []*http.Server{}
	serve := func(port int, h http.Handler) error {
		listeners, err := loopback(port)
		if err != nil {
			return err
		}
		srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		stage = append(stage, srv)
		for _, l := range listeners {
			go func() { _ = srv.Serve(l) }()
		}
		return nil
	}
	defer func() {
		for _, srv := range stage {
			srv.Close()
		}
	}()
	if err := serve(o.Port+3, mailbox); err != nil {
		return err
	}
	for i, t := range tools {
		url := origin(o.Port + 4 + i)
		secret := base64.RawURLEncoding.EncodeToString(s.derive("tool/" + t.ID))
		if err := addTool(ctx, app, t, url, secret); err != nil {
			return err
		}
		t.Secret, t.URL, t.Issuer, t.PortalURL, t.Hosts = secret, url, c.AuthURL, c.PortalURL, hosts(o.Port+4+i)
		t.Several = func(ctx context.Context, subject string) bool { return opensFor(ctx, app, t.ID, subject) > 1 }
		if err := serve(o.Port+4+i, NewTool(t)); err != nil {
			return err
		}
		r.Tools = append(r.Tools, url)
	}
	if err := furnish(ctx, app, s, dir, &r); err != nil {
		return err
	}
	if o.Dir != "" {
		r.Members = filepath.Join(dir, "members.csv")
	}

	node, err := server.New(app, server.Options{Log: o.Log, MailboxURL: r.Mailbox, Loopback: true, Gallery: showEverything})
	if err != nil {
		return err
	}
	listeners, err := server.Listen(c)
	if err != nil {
		return err
	}
	var done sync.WaitGroup
	stopped := make(chan error, 1)
	done.Go(func() { stopped <- node.Run(ctx, listeners) })
	if err := answers(ctx, c.PortalURL+"/readyz"); err == nil {
		ready(r)
	}
	done.Wait()
	return <-stopped
}

func showEverything(catalog *i18n.Catalog, renderer *mail.Renderer, brand template.Brand) http.Handler {
	return gallery.Handler(gallery.Options{Catalog: catalog, Renderer: renderer, Brand: brand})
}

func origin(port int) string { return "http://localhost:" + strconv.Itoa(port) }

func hosts(port int) []string {
	p := strconv.Itoa(port)
	return []string{"localhost:" + p, "127.0.0.1:" + p, "[::1]:" + p}
}

// loopback listens on this machine only, on both of its addresses where it
// has two.
func loopback(port int) ([]net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("port %d is needed: %w; choose other ports with --port", port, err)
	}
	listeners := []net.Listener{l}
	if l, err := net.Listen("tcp", "[::1]:"+strconv.Itoa(port)); err == nil {
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// answers waits until an address of ours says 200.
func answers(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 2 * time.Second}
	for {
		if res, err := client.Get(url); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tools of the demo; the rest of their options is set where they are served.
var tools = []ToolOptions{
	{ID: "contributions", Name: "Déclaration des contributions", Description: "Déclarer et suivre les contributions formation de l’entreprise.",
		NameEN: "Contribution returns", DescriptionEN: "Declare and follow the company’s training contributions."},
	{ID: "formation", Name: "Dossiers de formation", Description: "Demander la prise en charge d’une formation et suivre chaque dossier.",
		NameEN: "Training requests", DescriptionEN: "Ask for the funding of a training course and follow each request."},
	{ID: "factures", Name: "Suivi des factures", Description: "Voir où en est le règlement de chaque facture.",
		NameEN: "Invoice tracking", DescriptionEN: "See how far the payment of each invoice has got."},
}

// opensFor is how many companies a person may open a tool for.
func opensFor(ctx context.Context, app *server.App, id, account string) int {
	shelves, err := app.Tools.Shelves(ctx, account)
	if err != nil {
		return 0
	}
	n := 0
	for _, shelf := range shelves {
		if slices.ContainsFunc(shelf.Tiles, func(t tool.Tile) bool { return t.Tool.ID == id && t.Closed == portique.Open }) {
			n++
		}
	}
	return n
}

func actor() portique.Actor { return portique.Actor{Door: portique.DoorCommand} }

func addTool(ctx context.Context, app *server.App, o ToolOptions, url, secret string) error {
	audience := portique.AudienceAll
	if o.ID == "contributions" {
		audience = portique.AudienceContributions
	}
	_, err := app.Tools.Add(ctx, actor(), &portique.Tool{ID: o.ID, Name: o.Name, NameEN: o.NameEN, Description: o.Description, DescriptionEN: o.DescriptionEN, URL: url + "/",
		RedirectURIs: []string{url + "/callback"}, PostLogoutURIs: []string{url + "/"}, BackchannelLogoutURI: url + "/signed-out",
		Audience: audience, AuthMethod: "client_secret_basic", Algorithm: "ES256"}, secret)
	if errors.Is(err, portique.ErrToolExists) { // a folder that was used before, perhaps by a demo whose tools were not told, or French only
		_, err = app.Tools.Set(ctx, actor(), o.ID, "", func(t *portique.Tool) {
			t.BackchannelLogoutURI = url + "/signed-out"
			if t.Name == o.Name && t.NameEN == "" {
				t.NameEN, t.DescriptionEN = o.NameEN, o.DescriptionEN
			}
		})
	}
	return err
}

// furnish imports the member file and makes one company taken, the first time;
// then finds a company that is still free.
func furnish(ctx context.Context, app *server.App, s seed, dir string, r *Ready) error {
	members := Members(binary.BigEndian.Uint64(s.derive("members")), companies)
	var file bytes.Buffer
	if err := WriteCSV(&file, members); err != nil {
		return err
	}
	path := filepath.Join(dir, "members.csv")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if _, err := app.Companies.Import(ctx, actor(), bytes.NewReader(file.Bytes()), company.Options{}); err != nil {
			return err
		}
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			return err
		}
	}
	digits := binary.BigEndian.Uint32(s.derive("password")) % 10000
	taken := members[0]
	r.Taken = Taken{SIREN: taken.SIREN, MemberCode: taken.Code, Name: taken.Name, Email: "claire.fontaine@" + domainOf(taken.Contact),
		Password: fmt.Sprintf("Cerisier!Nuage-%04d", digits)}
	_, err := app.Accounts.Create(ctx, actor(), account.Form{Email: r.Taken.Email, Password: r.Taken.Password,
		FirstName: "Claire", LastName: "Fontaine"}, true)
	if errors.Is(err, portique.ErrEmailTaken) { // a folder that was used before
		err = forgetChanged(ctx, app, &r.Taken)
	}
	if err != nil {
		return err
	}
	_, err = app.Access.Grant(ctx, actor(), r.Taken.Email, portique.SIREN(taken.SIREN), access.Terms{Role: portique.Administrator}, "Démonstration")
	if err != nil && portique.KindOf(err) != portique.Conflict { // a folder that was used before
		return err
	}
	return app.DB.View(ctx, func(tx *store.Tx) error {
		for _, m := range members[1:] {
			had, err := tx.HadAdministrator(portique.SIREN(m.SIREN))
			if err != nil {
				return err
			}
			if !had {
				r.Free = Free{SIREN: m.SIREN, MemberCode: m.Code, Name: m.Name}
				return nil
			}
		}
		return errors.New("every company of this demo has an administrator: use another --dir")
	})
}

// forgetChanged takes the administrator's password away when another was chosen
// since the folder was made.
func forgetChanged(ctx context.Context, app *server.App, t *Taken) error {
	hasher, err := secret.NewHasher(1)
	if err != nil {
		return err
	}
	var a *portique.Account
	err = app.DB.View(ctx, func(tx *store.Tx) error {
		a, err = tx.AccountByEmail(t.Email)
		return err
	})
	if err != nil {
		return err
	}
	ok, err := hasher.Verify(ctx, a.PasswordHash, t.Password)
	if !ok {
		t.Password = ""
	}
	return err
}

func domainOf(email string) string {
	_, domain, _ := strings.Cut(email, "@")
	return domain
}

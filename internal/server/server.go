package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"portique"
	"portique/internal/config"
	"portique/internal/i18n"
	"portique/internal/job"
	"portique/internal/mail"
	"portique/internal/oidc"
	"portique/internal/outgoing"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/web"
	"portique/internal/web/static"
	"portique/internal/web/template"
)

// Server is a node: the doors and the outbox of one installation.
type Server struct {
	app      *App
	log      *slog.Logger
	doors    map[string]http.Handler // by Host header, port included
	headers  http.Header             // of every answer
	authHost string                  // the Host header of the sign-in door
	provider *oidc.Provider
	jobs     *job.Runner
	stopping atomic.Bool
}

// pagesTime is how long a server that has started looks for damage in its file.
const pagesTime = 10 * time.Second

// linger is how long a server that was asked to stop still takes new requests.
const linger = 300 * time.Millisecond

// Options are what only some servers have.
type Options struct {
	Log        *slog.Logger
	MailboxURL string // the demo's mailbox, linked from the page that waits for a letter
	Loopback   bool   // tools on this machine may be called: the demo's

	// Gallery answers below /dev/ on the portal, when not nil: the demo's.
	Gallery func(*i18n.Catalog, *mail.Renderer, template.Brand) http.Handler
}

// New makes a server on an open application.
func New(app *App, o Options) (*Server, error) {
	c := app.Config
	catalog, err := i18n.New(c.Timezone)
	if err != nil {
		return nil, err
	}
	sender, err := newSender(c, mail.StepTimeout)
	if err != nil {
		return nil, err
	}
	roots, err := extraCA(c.ExtraCA)
	if err != nil {
		return nil, err
	}
	for _, name := range c.NoEffect {
		o.Log.Warn("this version accepts the setting but does not use it yet", "setting", name)
	}
	renderer, err := mail.NewRenderer(letters(c, catalog))
	if err != nil {
		return nil, err
	}
	s := &Server{app: app, log: o.Log, doors: map[string]http.Handler{}, headers: headers(c), authHost: hostOf(c.AuthURL)}
	cookies := session.Cookies{Secure: c.Secure()}
	own := static.NewOwn(c.BrandLogo, c.BrandTheme)
	brand := template.Brand{OperatorName: c.OperatorName, PortalName: c.PortalName, SupportEmail: c.SupportEmail, SupportPhone: c.SupportPhone,
		LegalURL: c.LegalURL, AccessibilityURL: c.AccessibilityURL, Color: c.BrandColor, LogoURL: own.LogoURL(), ThemeURL: own.ThemeURL()}
	pages := web.New(web.Options{
		Accounts: app.Accounts, Sessions: app.Sessions, Access: app.Access, Tools: app.Tools, Catalog: catalog, Cookies: cookies, Keys: app.Keys,
		Brand: brand, Own: own, PortalURL: c.PortalURL, AuthURL: c.AuthURL, Language: c.Language, PasswordPolicy: c.PasswordPolicy, SignUp: c.SignUp,
		MailboxURL: o.MailboxURL, TestMode: c.TestMode, Timezone: c.Timezone, Now: app.Now, Log: o.Log,
	})
	s.provider, err = oidc.New(oidc.Options{
		Issuer: c.AuthURL, DB: app.DB, Keys: app.Keys, Cookies: cookies,
		PortalRedirectURIs:   []string{c.PortalURL + "/session/callback"},
		PortalPostLogoutURIs: []string{c.PortalURL + "/"},
		Pages: oidc.Pages{Error: pages.OAuthError, FormPost: pages.OAuthFormPost, LogoutConfirm: pages.OAuthLogoutConfirm,
			SignedOut: pages.OAuthSignedOut},
		Actor: actor, Now: app.Now, Log: o.Log, Outgoing: outgoing.New(outgoing.Options{Roots: roots, Loopback: c.TestMode || o.Loopback}),
	})
	if err != nil {
		return nil, err
	}
	pages.AuthClient, pages.ClientSecret = s.provider.HTTPClient(), s.provider.PortalSecret()

	portal := http.NewServeMux()
	if o.Gallery != nil {
		portal.Handle("/dev/", o.Gallery(catalog, renderer, brand))
	}
	portal.Handle("/", pages.Door(portique.DoorPortal))
	auth := http.NewServeMux()
	for _, r := range oidc.Routes() {
		auth.Handle(r.Method+" "+r.Path, s.provider.Handler())
	}
	for _, path := range oidc.MachinePaths() {
		auth.Handle(path, s.provider.Handler())
	}
	auth.Handle("/", pages.Door(portique.DoorAuth))
	s.doors[hostOf(c.PortalURL)] = shortest(pages.Refuse(portique.DoorPortal, http.StatusNotFound),
		s.protect(portique.DoorPortal, c.PortalURL, pages, portal))
	s.doors[hostOf(c.AuthURL)] = shortest(pages.Refuse(portique.DoorAuth, http.StatusNotFound),
		s.protect(portique.DoorAuth, c.AuthURL, pages, auth))

	s.jobs = job.New(job.Options{DB: app.DB, Renderer: renderer, Transport: sender, Log: o.Log})
	s.jobs.Every("requests", 2*time.Second, app.Access.Tick)
	s.jobs.Every("sign-outs", time.Second, s.provider.TellTools)
	s.jobs.Every("keys of tools", 5*time.Second, s.provider.FetchKeys)
	s.jobs.Every("reset links", time.Second, app.Accounts.AnswerResets)
	s.jobs.Every("second proofs", time.Second, app.Access.TellStepUps)
	s.jobs.Every("purge claims", time.Hour, app.Access.Purge)
	s.jobs.Every("purge sign-ups", time.Hour, app.Accounts.Purge)
	s.jobs.Every("purge sessions", time.Hour, app.Sessions.Purge)
	s.jobs.Every("purge grants", time.Minute, s.provider.Purge)
	return s, nil
}

// newSender reaches the configured mail server.
func newSender(c *config.Config, step time.Duration) (*mail.Sender, error) {
	roots, err := extraCA(c.ExtraCA)
	if err != nil {
		return nil, err
	}
	return mail.NewSender(mail.SenderOptions{URL: c.SMTPURL, From: c.MailFrom, FromName: c.PortalName, ReplyTo: c.SupportEmail, RootCAs: roots, Step: step})
}

// CheckMail refuses settings of the mail server that no letter would leave by.
// config cannot: it knows no mail.
func CheckMail(c *config.Config) error {
	if c.SMTPURL == "" {
		return errors.New("PORTIQUE_SMTP_URL: the server needs it to send letters: smtp://[user:password@]host:port?tls=starttls|implicit|none")
	}
	_, err := newSender(c, mail.StepTimeout)
	return err
}

// letters says how letters are written here.
func letters(c *config.Config, catalog *i18n.Catalog) mail.Options {
	dark, onDark := static.Dark(c.BrandColor)
	return mail.Options{Catalog: catalog, PortalURL: c.PortalURL, AuthURL: c.AuthURL, OperatorName: c.OperatorName, PortalName: c.PortalName,
		SupportEmail: c.SupportEmail, SupportPhone: c.SupportPhone, BrandColor: c.BrandColor, BrandDark: dark, OnBrandDark: onDark, Own: c.BrandLetters}
}

// CheckLetters refuses letters of the operator's own that could not be written
// on the day somebody needs them. config cannot: it knows no letter.
func CheckLetters(c *config.Config) error {
	if len(c.BrandLetters) == 0 {
		return nil
	}
	catalog, err := i18n.New(c.Timezone)
	if err != nil {
		return err
	}
	if err := mail.CheckOwn(letters(c, catalog)); err != nil {
		return fmt.Errorf("PORTIQUE_BRAND_DIR: %s/%w", c.BrandLetter(""), err)
	}
	return nil
}

// extraCA are the system's authorities and those of a PEM file; nil without one.
func extraCA(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("PORTIQUE_EXTRA_CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("PORTIQUE_EXTRA_CA: %s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// hostOf is the Host header of an origin: browsers leave the scheme's own port
// out.
func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return origin // checked by config
	}
	host := u.Host
	switch {
	case u.Scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	case u.Scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return host
}

func actor(r *http.Request) portique.Actor {
	info := telemetry.From(r.Context())
	return portique.Actor{Door: portique.DoorAuth, Source: info.Source, RequestID: info.ID}
}

// Listen opens the listeners. A default address of IPv6 loopback is left out
// on a machine that has none.
func Listen(c *config.Config) ([]net.Listener, error) {
	var open []net.Listener
	for _, address := range c.Listen {
		l, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRNOTAVAIL) && strings.HasPrefix(address, "[::1]:") && len(c.Listen) > 1 {
			continue
		}
		if err != nil {
			for _, l := range open {
				l.Close()
			}
			return nil, fmt.Errorf("PORTIQUE_LISTEN: %w", err)
		}
		open = append(open, l)
	}
	return open, nil
}

// httpServer bounds what a slow or loud client may hold. HTTP/2, which only a
// server with its own certificate speaks, has the standard library's bounds:
// 250 streams at once, and counted resets.
func (s *Server) httpServer() *http.Server {
	return &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),

		DisableGeneralOptionsHandler: true, // OPTIONS * is answered as anything else, headers included
	}
}

// Run serves until ctx ends, then lets requests and letters in flight finish,
// ten seconds at most.
func (s *Server) Run(ctx context.Context, listeners []net.Listener) error {
	h := s.httpServer()
	jobs, stopJobs := context.WithCancel(context.WithoutCancel(ctx))
	defer stopJobs()
	var working sync.WaitGroup
	working.Go(func() { s.jobs.Run(jobs) })

	failed := make(chan error, len(listeners)+1)
	for _, l := range listeners {
		go func() {
			var err error
			if c := s.app.Config; c.TLSCert != "" {
				err = h.ServeTLS(l, c.TLSCert, c.TLSKey)
			} else {
				err = h.Serve(l)
			}
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	if c := s.app.Config; c.Secure() && c.TLSCert == "" {
		s.log.Warn("plain HTTP behind https addresses: a proxy that ends TLS must stand in front; PORTIQUE_LISTEN says where it finds this server, PORTIQUE_TLS_CERT does without it",
			"listen", strings.Join(c.Listen, ","))
	}
	if s.app.Config.SupportEmail == "" {
		s.log.Warn("PORTIQUE_SUPPORT_EMAIL is not set: nobody is told of requests that no administrator answers, and letters give no address for help")
	}
	if key := s.app.Config.KeyBeside(); key != "" {
		s.log.Warn(keyBeside(key))
	}
	if s.app.DB.JournalLost() {
		s.log.Warn("the last server was killed and the journal it left beside the database is gone: what it had acknowledged last may be missing; compare with your backup")
	}
	s.log.Info("serving", "portal", s.app.Config.PortalURL, "auth", s.app.Config.AuthURL)
	if s.app.Config.TestMode {
		s.log.Warn("test mode: outgoing calls may reach this machine, the clock may be moved; never in production")
	}
	working.Go(func() {
		looking, cancel := context.WithTimeout(jobs, pagesTime)
		defer cancel()
		if err := s.app.DB.CheckPages(looking); errors.Is(err, store.ErrDamaged) {
			failed <- err // nothing more is written to it
		} else if err != nil {
			s.log.Error("the database was not looked through", "error", err)
		}
	})
	go debug.FreeOSMemory() // what starting took, messages and templates being read once
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	// Requests and letters finish side by side; what a last request posts waits
	// in the outbox for the next start. Connections that the kernel has taken
	// but we have not yet are in flight too: closing the listeners at once would
	// reset them.
	s.stopping.Store(true)
	stopJobs()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 9*time.Second)
	defer cancel()
	if err == nil {
		time.Sleep(linger)
	}
	if stopErr := h.Shutdown(stop); stopErr != nil {
		h.Close()
	}
	working.Wait()
	return err
}

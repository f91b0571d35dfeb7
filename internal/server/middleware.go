package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/config"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/web"
)

func withRequest(h slog.Handler) slog.Handler { return telemetry.Handler{Handler: h} }

// requestTime is how long a request may take once its headers are read; what it
// waits for then (a database, a turn) counts as away.
const requestTime = 8 * time.Second

// Handler is the whole server: each request gets an id, a time, a log line and
// a door. In this order: id, log, panics, health, host. A document of the provider's
// that is written already waits for nothing and is logged for nobody: it needs none.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.ContentLength == 0 && r.Host == s.authHost && !s.log.Enabled(r.Context(), slog.LevelDebug) {
			if d := s.provider.Document(r.URL.Path); d != nil {
				maps.Copy(w.Header(), s.headers)
				d.ServeHTTP(w, r)
				return
			}
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(telemetry.With(ctx, telemetry.Request{ID: store.NewID(), Source: s.source(r)}))
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.log.ErrorContext(r.Context(), "panic", "path", telemetry.Path(r.URL.Path), "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					say(rec, http.StatusInternalServerError, "500")
				}
			}
			level := slog.LevelInfo
			if sameForAll(r.URL.Path) {
				level = slog.LevelDebug
			}
			if !s.log.Enabled(r.Context(), level) {
				return
			}
			// The query is left out: it may hold a token.
			s.log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("host", r.Host),
				slog.String("path", telemetry.Path(r.URL.Path)), slog.Int("status", rec.status), slog.Int("bytes", rec.bytes),
				slog.Int64("ms", time.Since(start).Milliseconds()), slog.String("source", telemetry.From(r.Context()).Source))
		}()
		s.route(rec, r)
	})
}

// sameForAll are the paths that machines fetch again and again and that say the
// same to everybody: they are logged for who debugs.
func sameForAll(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/oauth/keys":
		return true
	}
	return strings.HasPrefix(path, "/static/")
}

// maxBody is what no door reads more of, in bytes.
const maxBody = 64 << 10

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	maps.Copy(w.Header(), s.headers)
	if len(r.TransferEncoding) > 0 || r.ContentLength > maxBody {
		// A body in chunks may have come with a length as well, which net/http
		// forgets: what follows on the connection may be what a proxy took for the
		// body. RFC 9112 6.1 closes it. And before it answers on a connection that
		// stays, net/http waits for up to 256 KiB of a body that nobody will read.
		w.Header().Set("Connection", "close")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions { // HAProxy asks by OPTIONS
		switch r.URL.Path {
		case "/healthz":
			say(w, http.StatusOK, "ok")
			return
		case "/readyz":
			s.ready(w, r)
			return
		}
	}
	door, ok := s.doors[strings.ToLower(r.Host)]
	if !ok {
		say(w, http.StatusMisdirectedRequest, "This address is not served here.")
		return
	}
	door.ServeHTTP(w, r)
}

// headers are those of every answer; a page replaces the policy by its own.
func headers(c *config.Config) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would blank the Origin of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if c.Secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

// ready says whether this node can serve: database, schema, keys.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := s.app.DB.Ping(ctx)
	if err == nil {
		err = s.provider.Ready(ctx)
	}
	if s.stopping.Load() {
		err = errors.New("this node was asked to stop")
	}
	if err != nil {
		s.log.WarnContext(r.Context(), "not ready", "error", err)
		w.Header().Set("Retry-After", "1")
		say(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	say(w, http.StatusOK, readyLine)
}

const readyLine = "ready" // what /readyz says, and the command doctor looks for

// say answers a line of text that no cache keeps; http.Error would let one.
func say(w http.ResponseWriter, code int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(line + "\n"))
}

// shortest answers 404 to an address that is not in its shortest form, with
// "//", "." or ".." in it, whatever way they are written. The standard library
// would redirect it, a form with what was typed included: no page of ours has
// such an address, and what guards one by its address must see the one served.
func shortest(notFound, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p != "/" && (!strings.HasPrefix(p, "/") || path.Clean(p) != strings.TrimSuffix(p, "/")) {
			notFound.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// machinePaths are called by programs, without our cookies, from anywhere; and
// an authorization or a logout request may be posted by a tool's page
// (OpenID Connect Core 3.1.2.1, RP-Initiated Logout 2).
var machinePaths = []string{"/oauth/token", "/oauth/userinfo", "/oauth/authorize", "/oauth/logout"}

// protect refuses what another site's page sends in a person's name. Beyond
// the standard check, an Origin must be this door's, scheme included, and a
// form that carries one of our cookies must say where it comes from: every
// browser of the last years does.
func (s *Server) protect(door portique.Door, origin string, pages *web.Handler, next http.Handler) http.Handler {
	refuse := pages.Refuse(door, http.StatusForbidden)
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(refuse)
	checked := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		if door == portique.DoorAuth && slices.Contains(machinePaths, r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		silent := r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == ""
		ours := slices.ContainsFunc(r.Cookies(), func(c *http.Cookie) bool {
			return strings.HasPrefix(strings.TrimPrefix(c.Name, "__Host-"), "portique_")
		})
		elsewhere := r.Header.Get("Origin") != "" && r.Header.Get("Origin") != origin
		if r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == "same-origin" {
			elsewhere = false // a form of our own page under no-referrer
		}
		if elsewhere || silent && ours {
			refuse.ServeHTTP(w, r)
			return
		}
		checked.ServeHTTP(w, r)
	})
}

// source is the network address that a request comes from: the peer, or behind
// trusted proxies the right-most address that is not one of them.
func (s *Server) source(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	trusted := func(a netip.Addr) bool {
		return slices.ContainsFunc(s.app.Config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	if !trusted(address) {
		return address.Unmap().String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		a, err := netip.ParseAddr(hop)
		if err != nil { // some proxies write the port too
			var with netip.AddrPort
			with, err = netip.ParseAddrPort(hop)
			a = with.Addr()
		}
		if inside, bare := strings.CutSuffix(strings.TrimPrefix(hop, "["), "]"); err != nil && bare {
			a, err = netip.ParseAddr(inside)
		}
		if err != nil {
			break
		}
		address = a
		if !trusted(a) {
			break
		}
	}
	return address.Unmap().WithZone("").String() // a zone is any text
}

// recorder notes what was answered, for the log.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/store"
	"portique/internal/telemetry"
	"portique/internal/web"
)

func withRequest(h slog.Handler) slog.Handler { return telemetry.Handler{Handler: h} }

// requestTime is how long a request may take once its headers are read; what it
// waits for then (a database, a turn) counts as away.
const requestTime = 8 * time.Second

// Handler is the whole server: each request gets an id, a time, a log line and
// a door. In this order: id, log, panics, health, host.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(telemetry.With(ctx, telemetry.Request{ID: store.NewID(), Source: s.source(r)}))
		rec := &recorder{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					http.Error(rec, "500", http.StatusInternalServerError)
				}
			}
			level := slog.LevelInfo
			if strings.HasPrefix(r.URL.Path, "/static/") || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
				level = slog.LevelDebug
			}
			// The query is left out: it may hold a token.
			s.log.Log(r.Context(), level, "request", "method", r.Method, "host", r.Host, "path", r.URL.Path,
				"status", rec.status, "bytes", rec.bytes, "ms", time.Since(start).Milliseconds(), "source", telemetry.From(r.Context()).Source)
		}()
		s.route(rec, r)
	})
}

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	s.headers(w.Header())
	switch r.URL.Path {
	case "/healthz":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
		return
	case "/readyz":
		s.ready(w, r)
		return
	}
	door, ok := s.doors[strings.ToLower(r.Host)]
	if !ok {
		http.Error(w, "This address is not served here.", http.StatusMisdirectedRequest)
		return
	}
	door.ServeHTTP(w, r)
}

// headers are those of every answer; a page replaces the policy by its own.
func (s *Server) headers(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // no-referrer would blank the Origin of our own forms
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	if s.app.Config.Secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
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
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		s.log.WarnContext(r.Context(), "not ready", "error", err)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ready\n"))
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
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = a
		if !trusted(a) {
			break
		}
	}
	return address.Unmap().String()
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

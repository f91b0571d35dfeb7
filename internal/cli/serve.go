package cli

import (
	"encoding/json"
	"fmt"
	"runtime/debug"

	"portique/internal/config"
	"portique/internal/oidc"
	"portique/internal/server"
	"portique/internal/web"
)

type serveCmd struct{}

func (serveCmd) Run(e *env) error {
	c, err := config.Load(e.Environ)
	if err != nil {
		return err
	}
	if err := server.CheckMail(c); err != nil { // before a database or a key is made
		return err
	}
	if err := server.CheckLetters(c); err != nil {
		return err
	}
	server.Tune(c)
	app, err := server.OpenApp(e.ctx, c, server.Serve)
	if err != nil {
		return err
	}
	defer app.Close()
	log, flush := server.NewLogger(c, e.Stderr)
	defer flush()
	s, err := server.New(app, server.Options{Log: log})
	if err != nil {
		return err
	}
	listeners, err := server.Listen(c)
	if err != nil {
		return err
	}
	return s.Run(e.ctx, listeners)
}

type migrateCmd struct {
	Check bool `help:"Only say whether the schema is up to date."`
}

func (m migrateCmd) Run(e *env) error {
	c, err := config.Load(e.Environ)
	if err != nil {
		return err
	}
	schema := server.Upgrade
	if m.Check {
		schema = server.CheckOnly
	}
	app, err := server.OpenApp(e.ctx, c, schema)
	if err != nil {
		return err
	}
	defer app.Close()
	fmt.Fprintln(e.Stdout, "The schema is up to date.")
	return nil
}

type routesCmd struct{ JSON }

type routeJSON struct {
	Host   string   `json:"host"`
	Method string   `json:"method"`
	Path   string   `json:"path"`
	Who    string   `json:"who"`
	Fields []string `json:"fields"`
}

func (r routesCmd) Run(e *env) error {
	var routes []routeJSON
	for _, w := range web.Routes() {
		path := w.Path
		if path == "/{$}" {
			path = "/"
		}
		routes = append(routes, routeJSON{string(w.Host), w.Method, path, w.Who, w.Fields})
	}
	for _, o := range oidc.Routes() {
		routes = append(routes, routeJSON{"auth", o.Method, o.Path, o.Who, o.Fields})
	}
	for _, host := range []string{"portal", "auth"} {
		for _, path := range []string{"/healthz", "/readyz", "/static/{file...}"} {
			routes = append(routes, routeJSON{host, "GET", path, web.Anyone, nil})
		}
	}
	for i := range routes {
		if routes[i].Fields == nil {
			routes[i].Fields = []string{}
		}
	}
	return list(e, r.JSON.JSON, routes, []string{"HOST", "METHOD", "PATH", "WHO", "FIELDS"}, func(r routeJSON) []string {
		fields, _ := json.Marshal(r.Fields) // strings always marshal
		return []string{r.Host, r.Method, r.Path, r.Who, string(fields)}
	})
}

type versionCmd struct{}

// Version is set by the linker; otherwise that of the build.
var Version = ""

func (versionCmd) Run(e *env) error {
	v := Version
	if v == "" {
		v = "development"
		if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v = info.Main.Version
		}
	}
	fmt.Fprintln(e.Stdout, "portique", v)
	return nil
}

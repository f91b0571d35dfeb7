package cli

import (
	"fmt"
	"strings"

	"portique"
	"portique/internal/server"
)

type toolCmd struct {
	Add  toolAddCmd  `cmd:"" help:"Register a tool; prints its secret once."`
	List toolListCmd `cmd:"" help:"List the tools."`
}

type toolAddCmd struct {
	ID            string   `arg:"" help:"The client id: lower case letters, digits, dots and dashes."`
	Name          string   `required:"" help:"The name people see."`
	Description   string   `help:"One line under the name in the list of tools."`
	URL           string   `name:"url" required:"" help:"Where the tool opens."`
	RedirectURI   []string `name:"redirect-uri" required:"" sep:"none" help:"Where sign-ins come back; repeat it."`
	PostLogoutURI []string `name:"post-logout-uri" sep:"none" help:"Where a sign-out may lead; repeat it."`
	Audience      string   `enum:"all,contributions" default:"all" help:"all, or contributions for declarants too."`
	AuthMethod    string   `enum:"client_secret_basic,client_secret_post,none" default:"client_secret_basic" help:"How the tool proves itself."`
	Public        bool     `help:"A tool without a secret (the same as --auth-method none)."`
	Alg           string   `enum:"ES256,RS256" default:"ES256" help:"Signature of ID tokens."`
	NoPKCE        bool     `name:"no-pkce" help:"Do not insist on PKCE; for old software only."`
	SecretStdin   bool     `help:"Read the secret from standard input instead of making one."`
	JSON
}

type toolJSON struct {
	ClientID     string   `json:"client_id"`
	Name         string   `json:"name"`
	URL          string   `json:"url"`
	RedirectURIs []string `json:"redirect_uris"`
	Audience     string   `json:"audience"`
	ClientSecret string   `json:"client_secret,omitempty"`
}

func toolOf(t *portique.Tool, secret string) toolJSON {
	return toolJSON{ClientID: t.ID, Name: t.Name, URL: t.URL, RedirectURIs: t.RedirectURIs, Audience: string(t.Audience), ClientSecret: secret}
}

func (c toolAddCmd) Run(e *env) error {
	if c.Public {
		c.AuthMethod = "none"
	}
	given := ""
	if c.SecretStdin {
		var err error
		if given, err = firstLine(e.Stdin); err != nil {
			return err
		}
	}
	return e.with(func(app *server.App) error {
		t := &portique.Tool{ID: c.ID, Name: c.Name, Description: portique.CleanText(c.Description), URL: c.URL, RedirectURIs: c.RedirectURI,
			PostLogoutURIs: c.PostLogoutURI, Audience: portique.Audience(c.Audience), AuthMethod: c.AuthMethod, PKCEOptional: c.NoPKCE, Algorithm: c.Alg}
		secret, err := app.Tools.Add(e.ctx, actor(), t, given)
		if err != nil {
			return err
		}
		if c.SecretStdin {
			secret = "" // known to whoever gave it
		}
		if c.JSON.JSON {
			return e.json(toolOf(t, secret))
		}
		fmt.Fprintf(e.Stdout, "client id      %s\n", t.ID)
		if secret != "" {
			fmt.Fprintf(e.Stdout, "client secret  %s\n", secret)
		}
		return nil
	})
}

type toolListCmd struct{ JSON }

func (c toolListCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		all, err := app.Tools.List(e.ctx)
		if err != nil {
			return err
		}
		values := make([]toolJSON, len(all))
		for i, t := range all {
			values[i] = toolOf(t, "")
		}
		return list(e, c.JSON.JSON, values, []string{"CLIENT ID", "NAME", "URL", "AUDIENCE", "REDIRECT URIS"}, func(v toolJSON) []string {
			return []string{v.ClientID, v.Name, v.URL, v.Audience, strings.Join(v.RedirectURIs, " ")}
		})
	})
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"portique"
	"portique/internal/server"
)

type toolCmd struct {
	Add    toolAddCmd    `cmd:"" help:"Register a tool; prints its secret once."`
	Set    toolSetCmd    `cmd:"" help:"Change a tool, or bring a removed one back: only what is given changes."`
	Remove toolRemoveCmd `cmd:"" help:"Take a tool away: it opens for nobody from now on."`
	List   toolListCmd   `cmd:"" help:"List the tools."`
	Show   toolShowCmd   `cmd:"" help:"Show all there is to say of one tool."`
	Apply  toolApplyCmd  `cmd:"" help:"Make the tools of a file what the file says."`
}

// toolFlags are what can be said of a tool. Empty strings and lists were not
// given.
type toolFlags struct {
	Name                 string   `help:"The name people see."`
	NameEN               *string  `name:"name-en" placeholder:"NAME" help:"The name for people who read English; empty for the same."`
	Description          string   `help:"One line under the name in the list of tools."`
	DescriptionEN        *string  `name:"description-en" placeholder:"TEXT" help:"That line for people who read English; empty for the same."`
	URL                  string   `name:"url" help:"Where the tool opens."`
	RedirectURI          []string `name:"redirect-uri" sep:"none" help:"Where sign-ins come back; repeat it."`
	PostLogoutURI        []string `name:"post-logout-uri" sep:"none" help:"Where a sign-out may lead; repeat it."`
	BackchannelLogoutURI *string  `name:"backchannel-logout-uri" placeholder:"URL" help:"Where the tool is told that a session ended; empty for nowhere."`
	Audience             string   `enum:"all,contributions," default:"" help:"all (default), or contributions for declarants too."`
	AuthMethod           string   `enum:"client_secret_basic,client_secret_post,private_key_jwt,none," default:"" help:"How the tool proves itself: client_secret_basic (default; client_secret_post then works too), client_secret_post, private_key_jwt or none."`
	Public               bool     `help:"A tool without a secret (the same as --auth-method none)."`
	JWKSURI              *string  `name:"jwks-uri" placeholder:"URL" help:"Where the tool publishes its keys."`
	JWKSFile             string   `name:"jwks-file" type:"existingfile" help:"The tool's public keys, a JWKS."`
	Alg                  string   `enum:"ES256,RS256," default:"" help:"Signature of what the tool is told: ES256 (default) or RS256."`
	MinACR               *string  `name:"min-acr" placeholder:"LEVEL" help:"The least level of sign-in: portique:1, portique:2, portique:3; empty for any."`
	Claims               *string  `placeholder:"LIST" help:"The claims it may have, with commas; empty for all that its scopes release."`
	Consent              *bool    `negatable:"" help:"Ask the person before the tool is told anything."`
	Device               *bool    `negatable:"" help:"Let people enter it from a device without a browser, by a code that they type elsewhere."`
	Pairwise             *bool    `negatable:"" help:"Know people by names of its own, which no other tool can match."`
	UserinfoSigned       *bool    `name:"userinfo-signed" negatable:"" help:"Answer userinfo by a signed JWT."`
	PKCE                 *bool    `name:"pkce" negatable:"" help:"Insist on PKCE (default); --no-pkce is for old software only."`
	SecretStdin          bool     `help:"Read the secret from standard input instead of making one."`
}

// apply changes a tool by what was given.
func (f *toolFlags) apply(t *portique.Tool, jwks string) {
	text := func(to *string, given string) {
		if given != "" {
			*to = given
		}
	}
	text(&t.Name, f.Name)
	text(&t.Description, portique.CleanText(f.Description))
	text(&t.URL, f.URL)
	text(&t.AuthMethod, f.AuthMethod)
	text(&t.Algorithm, f.Alg)
	text((*string)(&t.Audience), f.Audience)
	if f.Public {
		t.AuthMethod = "none"
	}
	if f.RedirectURI != nil {
		t.RedirectURIs = f.RedirectURI
	}
	if f.PostLogoutURI != nil {
		t.PostLogoutURIs = f.PostLogoutURI
	}
	set(&t.NameEN, f.NameEN)
	set(&t.DescriptionEN, f.DescriptionEN)
	set(&t.BackchannelLogoutURI, f.BackchannelLogoutURI)
	set(&t.MinACR, f.MinACR)
	set(&t.Consent, f.Consent)
	set(&t.Device, f.Device)
	set(&t.Pairwise, f.Pairwise)
	set(&t.UserinfoSigned, f.UserinfoSigned)
	if f.PKCE != nil {
		t.PKCEOptional = !*f.PKCE
	}
	if f.Claims != nil {
		t.Claims = strings.FieldsFunc(*f.Claims, func(r rune) bool { return r == ',' || r == ' ' })
	}
	if f.JWKSURI != nil && *f.JWKSURI != t.JWKSURI {
		t.JWKSURI, t.JWKS = *f.JWKSURI, "" // fetched soon
	}
	if jwks != "" {
		t.JWKSURI, t.JWKS = "", jwks
	}
}

func set[T any](to *T, given *T) {
	if given != nil {
		*to = *given
	}
}

// read takes what the flags name from outside: a file of keys, a secret.
func (f *toolFlags) read(e *env) (jwks, secret string, err error) {
	if f.Claims != nil && *f.Claims != "" && strings.Trim(*f.Claims, ", ") == "" {
		return "", "", usageError{errors.New("--claims names no claim; leave it empty for all")}
	}
	if f.JWKSFile != "" && f.JWKSURI != nil && *f.JWKSURI != "" {
		return "", "", usageError{errors.New("give --jwks-file or --jwks-uri, not both")}
	}
	if f.JWKSFile != "" {
		if jwks, err = short(f.JWKSFile); err != nil {
			return "", "", err
		}
	}
	if f.SecretStdin {
		secret, err = firstLine(e.Stdin)
	}
	return jwks, secret, err
}

// short reads a file that should not be long.
func short(name string) (string, error) {
	const longest = 1 << 20
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err == nil && len(b) > longest {
		err = fmt.Errorf("%s: longer than 1 MiB", name)
	}
	return string(b), err
}

// newTool is a tool before anything was said of it.
func newTool(id string) *portique.Tool {
	return &portique.Tool{ID: id, Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}
}

// toolJSON is what lists and registrations tell of a tool (contract).
type toolJSON struct {
	ClientID     string   `json:"client_id"`
	Name         string   `json:"name"`
	NameEN       string   `json:"name_en,omitempty"`
	URL          string   `json:"url"`
	RedirectURIs []string `json:"redirect_uris"`
	Audience     string   `json:"audience"`
	ClientSecret string   `json:"client_secret,omitempty"`
}

func toolOf(t *portique.Tool, secret string) toolJSON {
	return toolJSON{ClientID: t.ID, Name: t.Name, NameEN: t.NameEN, URL: t.URL, RedirectURIs: append([]string{}, t.RedirectURIs...), Audience: string(t.Audience), ClientSecret: secret}
}

// toolWhole is all there is to say of one.
type toolWhole struct {
	toolJSON
	Description          string   `json:"description,omitempty"`
	DescriptionEN        string   `json:"description_en,omitempty"`
	PostLogoutURIs       []string `json:"post_logout_uris,omitempty"`
	BackchannelLogoutURI string   `json:"backchannel_logout_uri,omitempty"`
	AuthMethod           string   `json:"auth_method"`
	Alg                  string   `json:"alg"`
	PKCE                 bool     `json:"pkce"`
	JWKSURI              string   `json:"jwks_uri,omitempty"`
	JWKS                 rawJSON  `json:"jwks,omitempty"`
	MinACR               string   `json:"min_acr,omitempty"`
	Claims               []string `json:"claims,omitempty"`
	Consent              bool     `json:"consent,omitempty"`
	Device               bool     `json:"device,omitempty"`
	Pairwise             bool     `json:"pairwise,omitempty"`
	UserinfoSigned       bool     `json:"userinfo_signed,omitempty"`
	Removed              bool     `json:"removed,omitempty"`
}

type rawJSON = json.RawMessage

type toolShowCmd struct {
	ID string `arg:"" help:"The client id."`
	JSON
}

func (c toolShowCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		t, err := app.Tools.Tool(e.ctx, c.ID)
		if err != nil {
			return err
		}
		v := toolWhole{toolJSON: toolOf(t, ""), Description: t.Description, DescriptionEN: t.DescriptionEN, PostLogoutURIs: t.PostLogoutURIs, BackchannelLogoutURI: t.BackchannelLogoutURI,
			AuthMethod: t.AuthMethod, Alg: t.Algorithm, PKCE: !t.PKCEOptional, JWKSURI: t.JWKSURI, JWKS: rawJSON(t.JWKS), MinACR: t.MinACR,
			Claims: t.Claims, Consent: t.Consent, Device: t.Device, Pairwise: t.Pairwise, UserinfoSigned: t.UserinfoSigned, Removed: !t.DisabledAt.IsZero()}
		if c.JSON.JSON {
			return e.json(v)
		}
		line := func(name string, value any) {
			if text := fmt.Sprint(value); text != "" && text != "[]" && text != "false" {
				fmt.Fprintf(e.Stdout, "%-24s%s\n", name, strings.Trim(text, "[]"))
			}
		}
		line("client id", v.ClientID)
		line("name", v.Name)
		line("name in english", v.NameEN)
		line("description", v.Description)
		line("description in english", v.DescriptionEN)
		line("url", v.URL)
		line("redirect uris", v.RedirectURIs)
		line("post logout uris", v.PostLogoutURIs)
		line("backchannel logout uri", v.BackchannelLogoutURI)
		line("audience", v.Audience)
		line("auth method", v.AuthMethod)
		line("alg", v.Alg)
		line("pkce", map[bool]string{true: "required", false: "optional"}[v.PKCE])
		line("jwks uri", v.JWKSURI)
		line("keys", keysIn(t.JWKS))
		line("min acr", v.MinACR)
		line("claims", v.Claims)
		line("consent", v.Consent)
		line("device", v.Device)
		line("pairwise", v.Pairwise)
		line("userinfo signed", v.UserinfoSigned)
		line("removed", v.Removed)
		return nil
	})
}

// keysIn says how many keys a set has, "" without one.
func keysIn(jwks string) string {
	var set struct{ Keys []rawJSON }
	if json.Unmarshal([]byte(jwks), &set) != nil {
		return ""
	}
	return fmt.Sprint(len(set.Keys))
}

// tellTool prints a tool as it was registered, its secret once unless whoever runs
// the command gave it.
func (e *env) tellTool(t *portique.Tool, secret string, asJSON bool) error {
	if asJSON {
		return e.json(toolOf(t, secret))
	}
	fmt.Fprintf(e.Stdout, "client id      %s\n", t.ID)
	if secret != "" {
		fmt.Fprintf(e.Stdout, "client secret  %s\n", secret)
	}
	return nil
}

type toolAddCmd struct {
	ID string `arg:"" help:"The client id: lower case letters, digits, dots and dashes."`
	toolFlags
	JSON
}

func (c toolAddCmd) Run(e *env) error {
	if c.Name == "" || c.URL == "" || len(c.RedirectURI) == 0 && (c.Device == nil || !*c.Device) {
		return usageError{errors.New("give --name, --url and at least one --redirect-uri, or --device")}
	}
	jwks, given, err := c.read(e)
	if err != nil {
		return err
	}
	return e.with(func(app *server.App) error {
		t := newTool(c.ID)
		c.apply(t, jwks)
		secret, err := app.Tools.Add(e.ctx, actor(), t, given)
		if err != nil {
			return err
		}
		if c.SecretStdin {
			secret = ""
		}
		return e.tellTool(t, secret, c.JSON.JSON)
	})
}

type toolSetCmd struct {
	ID string `arg:"" help:"The client id."`
	toolFlags
	NewSecret bool `help:"Make a new secret; the old one counts no more."`
	JSON
}

func (c toolSetCmd) Run(e *env) error {
	jwks, given, err := c.read(e)
	if err != nil {
		return err
	}
	if c.NewSecret && c.SecretStdin {
		return usageError{errors.New("give --new-secret or --secret-stdin, not both")}
	}
	return e.with(func(app *server.App) error {
		done, err := app.Tools.Set(e.ctx, actor(), c.ID, given, func(t *portique.Tool) {
			c.apply(t, jwks)
			t.DisabledAt = time.Time{}
			if c.NewSecret {
				t.SecretHash = nil
			}
		})
		if err != nil {
			return err
		}
		if c.SecretStdin {
			done.ClientSecret = ""
		}
		return e.tellTool(done.Tool, done.ClientSecret, c.JSON.JSON)
	})
}

type toolRemoveCmd struct {
	ID string `arg:"" help:"The client id."`
}

func (c toolRemoveCmd) Run(e *env) error {
	return e.with(func(app *server.App) error {
		if err := app.Tools.Remove(e.ctx, actor(), c.ID); err != nil {
			return err
		}
		fmt.Fprintf(e.Stdout, "%s opens for nobody any more; portique tool set %s brings it back.\n", c.ID, c.ID)
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
		return list(e, c.JSON.JSON, values, []string{"CLIENT ID", "NAME", "IN ENGLISH", "URL", "AUDIENCE", "REDIRECT URIS"}, func(v toolJSON) []string {
			return []string{v.ClientID, v.Name, v.NameEN, v.URL, v.Audience, strings.Join(v.RedirectURIs, " ")}
		})
	})
}

type toolApplyCmd struct {
	File string `arg:"" type:"existingfile" help:"YAML: a list \"tools\", each with client_id and what tool add says, words joined by underscores."`
	JSON
}

// toolFile is what apply reads. What is left out is the default of tool add, so
// that the file says all there is; a secret left out stays, or is made.
type toolFile struct {
	Tools []struct {
		ClientID             string         `yaml:"client_id"`
		Name                 string         `yaml:"name"`
		NameEN               string         `yaml:"name_en"`
		Description          string         `yaml:"description"`
		DescriptionEN        string         `yaml:"description_en"`
		URL                  string         `yaml:"url"`
		RedirectURIs         []string       `yaml:"redirect_uris"`
		PostLogoutURIs       []string       `yaml:"post_logout_uris"`
		BackchannelLogoutURI string         `yaml:"backchannel_logout_uri"`
		Audience             string         `yaml:"audience"`
		AuthMethod           string         `yaml:"auth_method"`
		Alg                  string         `yaml:"alg"`
		PKCE                 *bool          `yaml:"pkce"`
		JWKSURI              string         `yaml:"jwks_uri"`
		JWKS                 map[string]any `yaml:"jwks"`
		MinACR               string         `yaml:"min_acr"`
		Claims               []string       `yaml:"claims"`
		Consent              bool           `yaml:"consent"`
		Device               bool           `yaml:"device"`
		Pairwise             bool           `yaml:"pairwise"`
		UserinfoSigned       bool           `yaml:"userinfo_signed"`
		ClientSecret         string         `yaml:"client_secret"`
		Removed              bool           `yaml:"removed"`
	} `yaml:"tools"`
}

// applied is what apply did of one tool.
type applied struct {
	ClientID     string `json:"client_id"`
	Done         string `json:"done"` // added, changed, same, removed, refused
	ClientSecret string `json:"client_secret,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

func (c toolApplyCmd) Run(e *env) error {
	text, err := short(c.File)
	if err != nil {
		return err
	}
	var file toolFile
	decoder := yaml.NewDecoder(strings.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return usageError{fmt.Errorf("%s: %w", c.File, err)}
	}
	if len(file.Tools) == 0 {
		return usageError{fmt.Errorf("%s: no list \"tools\" in it", c.File)}
	}
	var results []applied
	refused := false
	err = e.with(func(app *server.App) error {
		now, err := app.Tools.All(e.ctx)
		if err != nil {
			return err
		}
		for _, one := range file.Tools {
			done := applied{ClientID: one.ClientID}
			jwks := ""
			if one.JWKS != nil {
				b, err := json.Marshal(one.JWKS)
				if err != nil {
					return usageError{fmt.Errorf("%s: jwks of %s: %w", c.File, one.ClientID, err)}
				}
				jwks = string(b)
			}
			change := func(t *portique.Tool) {
				fresh := newTool(t.ID)
				fresh.SecretHash, fresh.CreatedAt = t.SecretHash, t.CreatedAt
				if one.JWKSURI != "" && one.JWKSURI == t.JWKSURI {
					fresh.JWKS = t.JWKS
				}
				yes := func(b bool) *bool { return &b }
				claims := strings.Join(one.Claims, ",")
				f := toolFlags{Name: one.Name, NameEN: &one.NameEN, Description: one.Description, DescriptionEN: &one.DescriptionEN, URL: one.URL, RedirectURI: one.RedirectURIs, PostLogoutURI: one.PostLogoutURIs,
					BackchannelLogoutURI: &one.BackchannelLogoutURI, Audience: one.Audience, AuthMethod: one.AuthMethod, Alg: one.Alg, PKCE: one.PKCE,
					MinACR: &one.MinACR, Claims: &claims, Consent: yes(one.Consent), Device: yes(one.Device), Pairwise: yes(one.Pairwise), UserinfoSigned: yes(one.UserinfoSigned)}
				fresh.JWKSURI = one.JWKSURI
				f.apply(fresh, jwks)
				*t = *fresh
			}
			at := slices.IndexFunc(now, func(t *portique.Tool) bool { return t.ID == one.ClientID })
			var failed error
			switch {
			case one.Removed && (at < 0 || !now[at].DisabledAt.IsZero()):
				done.Done = "same"
			case one.Removed:
				done.Done, failed = "removed", app.Tools.Remove(e.ctx, actor(), one.ClientID)
			case at < 0:
				t := newTool(one.ClientID)
				change(t)
				done.Done = "added"
				done.ClientSecret, failed = app.Tools.Add(e.ctx, actor(), t, one.ClientSecret)
			default:
				set, err := app.Tools.Set(e.ctx, actor(), one.ClientID, one.ClientSecret, change)
				done.ClientSecret, failed = set.ClientSecret, err
				if done.Done = "same"; set.Anything {
					done.Done = "changed"
				}
			}
			if one.ClientSecret != "" {
				done.ClientSecret = ""
			}
			if failed != nil {
				done.Done, done.Reason, refused = "refused", strings.Join(sentences(failed), " "), true
			}
			results = append(results, done)
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = list(e, c.JSON.JSON, results, []string{"CLIENT ID", "DONE", "CLIENT SECRET", "REASON"}, func(a applied) []string {
		return []string{a.ClientID, a.Done, a.ClientSecret, a.Reason}
	})
	if err == nil && refused {
		err = errTold
	}
	return err
}

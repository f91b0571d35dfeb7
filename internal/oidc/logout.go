package oidc

import (
	"encoding/base64"
	"net/http"
	"net/url"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
)

// logoutPost takes the answer of our confirmation page, or a tool's request sent
// by a form. The latter, from another site, arrives without our Lax cookies:
// the redirect that follows it carries them.
func (p *Provider) logoutPost(w http.ResponseWriter, r *http.Request) {
	v, err := readForm(w, r)
	if err != nil {
		p.showError(w, r, err)
		return
	}
	if v.Get("confirm") == "" && p.cookies.Read(r, session.Auth) == "" {
		http.Redirect(w, r, pathLogout+"?"+v.Encode(), http.StatusSeeOther)
		return
	}
	p.endSession(w, r, v)
}

func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	v, err := readQuery(r)
	if err != nil {
		p.showError(w, r, err)
		return
	}
	v.Del("confirm") // a link confirms nothing
	p.endSession(w, r, v)
}

// departure is a logout request once looked at.
type departure struct {
	client    *portique.Tool // named by a valid hint, or nil
	returnURI string         // registered, with state; "" to stay here
	proved    bool           // everything said is right
	wasOpen   bool
	ask       bool             // the person must confirm
	confirm   string           // what the confirmation page sends back
	closing   []*portique.Tool // told that the session ended
	stillOpen []*portique.Tool
}

// endSession ends the auth session of this browser and everything under it (RP-
// Initiated Logout 1.0). It asks first unless an ID token of this very session
// comes with a request that is right in every point. Only a registered address
// of the tool that the token names is gone to.
func (p *Provider) endSession(w http.ResponseWriter, r *http.Request, v url.Values) {
	if name := twice(v); name != "" {
		p.showError(w, r, errBadRequest)
		return
	}
	var d departure
	_, err := p.fly(r.Context(), func(f *flight) error {
		d = departure{}
		hint := p.readHint(v.Get("id_token_hint"))
		if err := p.whoLeaves(f.tx, v, hint, &d); err != nil {
			return err
		}
		if err := p.whoIsHere(f, r); err != nil {
			return err
		}
		if f.current == nil {
			return p.alreadyEnded(f.tx, r, hint, &d)
		}
		d.confirm = base64.RawURLEncoding.EncodeToString(p.secrets.Mac("logout-confirm", f.current.ID))
		confirmed := secret.Equal([]byte(v.Get("confirm")), []byte(d.confirm))
		if d.ask = !confirmed && !(d.proved && hint.Session == p.sid(d.client, f.current.ID)); d.ask {
			return nil
		}
		if err := d.closes(f.tx, f.current.ID); err != nil {
			return err
		}
		return session.SignOutTx(f.tx, f.actor, f.current.ID)
	})
	switch {
	case err != nil:
		p.showError(w, r, err)
		return
	case d.ask:
		hidden := map[string]string{"confirm": d.confirm}
		for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state"} {
			if s := v.Get(name); s != "" && d.returnURI != "" {
				hidden[name] = s
			}
		}
		p.pages.LogoutConfirm(w, r, hidden)
		return
	}
	if p.cookies.Read(r, session.Auth) != "" {
		p.cookies.Clear(w, session.Auth)
	}
	if p.cookies.Read(r, session.Address) != "" { // whoever comes next may be somebody else
		p.cookies.Clear(w, session.Address)
	}
	w.Header().Set("Cache-Control", "no-store")
	if d.returnURI != "" {
		http.Redirect(w, r, d.returnURI, http.StatusSeeOther)
		return
	}
	p.pages.SignedOut(w, r, d.wasOpen, d.closing, d.stillOpen)
}

// alreadyEnded says what a sign-out closed when the session that its token names
// has just been ended: the portal ends it with its own, in one transaction, and
// comes here for the page.
func (p *Provider) alreadyEnded(tx *store.Tx, r *http.Request, hint *hint, d *departure) error {
	id, err := session.EndedTx(tx, portique.DoorAuth, p.cookies.Read(r, session.Auth))
	if err != nil && !missing(err) {
		return err
	}
	if err != nil || hint == nil || d.client == nil || hint.Session != p.sid(d.client, id) {
		return nil
	}
	return d.closes(tx, id)
}

// closes notes that a session is closed by this, and which tools it closes with
// it or leaves open: all that it entered but the one that asks.
func (d *departure) closes(tx *store.Tx, sessionID string) error {
	open, err := tx.ToolsEntered(sessionID)
	if err != nil {
		return err
	}
	d.wasOpen = true
	for _, t := range open {
		switch {
		case d.client != nil && t.ID == d.client.ID:
		case t.BackchannelLogoutURI != "":
			d.closing = append(d.closing, t)
		default:
			d.stillOpen = append(d.stillOpen, t)
		}
	}
	return nil
}

// whoLeaves checks what a logout request says: the hint is ours, its tool still
// registered, client_id the same, the address registered exactly.
func (p *Provider) whoLeaves(tx *store.Tx, v url.Values, hint *hint, d *departure) error {
	if hint == nil || v.Get("client_id") != "" && !hint.of(v.Get("client_id")) {
		return nil
	}
	t, err := p.client(tx, hint.Audience[0])
	if err != nil && missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	d.client = t
	uri := v.Get("post_logout_redirect_uri")
	d.proved = uri == "" || registered(t.PostLogoutURIs, uri)
	if d.proved && uri != "" {
		back := url.Values{}
		if s := v.Get("state"); s != "" {
			back.Set("state", s)
		}
		d.returnURI = withQuery(uri, back)
	}
	return nil
}

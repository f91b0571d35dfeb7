package oidc

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"portique"
	"portique/internal/secret"
	"portique/internal/session"
	"portique/internal/store"
)

// authorizePost turns an authorization request sent by a form into one sent by
// a link (Core 3.1.2.1 allows both): a form of another site arrives without
// our Lax cookies, the redirect that follows it carries them.
func (p *Provider) authorizePost(w http.ResponseWriter, r *http.Request) {
	v, err := readForm(w, r)
	if err != nil {
		p.showError(w, r, err)
		return
	}
	http.Redirect(w, r, pathAuthorize+"?"+v.Encode(), http.StatusSeeOther)
}

// authorize begins an authorization (RFC 6749 4.1.1): to our pages when a person
// must do something first, else straight to the tool with a code or an error.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	v, err := readQuery(r)
	if err != nil {
		p.showError(w, r, err)
		return
	}
	browser := p.cookies.Read(r, session.Browser)
	if browser == "" {
		browser = secret.Token()
	}
	f, err := p.fly(r.Context(), func(f *flight) error {
		v, gone := p.pushed(f.tx, v)
		q, err := addressee(v)
		if gone != nil && err != nil {
			err = errStale // nothing says where to answer
		}
		if err != nil {
			return err
		}
		f.request = q
		t, err := p.client(f.tx, q.ClientID)
		if err != nil && missing(err) {
			return errClientUnknown
		}
		if err != nil {
			return err
		}
		f.client = t
		if !registered(t.RedirectURIs, q.RedirectURI) {
			return errRedirectUnknown
		}
		if gone != nil {
			return gone
		}
		if refusal := q.read(v, t, p.readHint(v.Get("id_token_hint"))); refusal != nil {
			return refusal
		}
		if err := p.whoIsHere(f, r); err != nil {
			return err
		}
		if err := p.begins(f, r); err != nil {
			return err
		}
		kept, err := json.Marshal(f.request)
		if err != nil {
			return err
		}
		f.row = &store.Authorization{ID: store.NewID(), ClientID: q.ClientID, BrowserHash: secret.Hash(browser), RedirectURI: q.RedirectURI,
			Request: string(kept), EmailHint: q.EmailHint, CompanyHint: q.CompanyHint, CreatedAt: f.tx.Now(), ExpiresAt: f.tx.Now().Add(session.AuthorizationLife)}
		if err := p.proceed(f); err != nil {
			return err
		}
		return p.waits(f)
	})
	if err == nil && f.location != "" {
		p.cookies.Set(w, session.Browser, browser, session.BrowserLife)
	}
	p.conclude(w, r, f, err)
}

// goOn continues an authorization after a page of ours. Two that run at once
// give one code: the second waits for the first and finds it finished.
func (p *Provider) goOn(w http.ResponseWriter, r *http.Request) {
	f, err := p.fly(r.Context(), func(f *flight) error {
		if err := p.resume(f, r); err != nil {
			return err
		}
		return p.proceed(f)
	})
	p.conclude(w, r, f, err)
}

// proceed asks the policy what comes next, and does it: the person goes to a page
// of ours, or the tool gets a refusal or a code.
func (p *Provider) proceed(f *flight) error {
	if p.keys.signer(f.client.Algorithm, f.tx.Now()) == nil {
		return &needKey{f.client.Algorithm} // before anything is promised
	}
	if err := p.decide(f); err != nil {
		return err
	}
	switch {
	case f.location != "":
	case f.row.Device != nil:
		if err := f.settle(); err != nil {
			return err
		}
	case f.refusal == nil:
		if err := f.giveCode(); err != nil {
			return err
		}
	}
	if f.location == "" {
		f.row.FinishedAt = f.tx.Now()
		if !f.saved {
			return nil // one that ends in the request that began it is never written
		}
	}
	return f.tx.SaveAuthorization(f.row)
}

// giveCode makes the grant of a new code.
func (f *flight) giveCode() error {
	now := f.tx.Now()
	f.code = secret.TimedToken(now)
	return f.tx.InsertGrant(&store.Grant{ID: store.NewID(), ClientID: f.client.ID, AccountID: f.current.Account.ID, SessionID: f.current.ID,
		MembershipID: f.row.MembershipID, CodeHash: secret.Key(f.code), CodeExpiresAt: now.Add(CodeLife), Request: f.row.Request, CreatedAt: now})
}

// deny ends an authorization at the person's wish: the tool gets access_denied.
func (p *Provider) deny(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // the form has no field, so what comes must at least be a form
		if _, err := readForm(w, r); err != nil {
			p.showError(w, r, err)
			return
		}
	}
	f, err := p.fly(r.Context(), func(f *flight) error {
		if err := p.resume(f, r); err != nil {
			return err
		}
		f.refusal = refuse("access_denied", "the person went back")
		f.row.FinishedAt = f.tx.Now()
		if f.row.Device != nil {
			if err := f.settle(); err != nil {
				return err
			}
		}
		return f.tx.SaveAuthorization(f.row)
	})
	p.conclude(w, r, f, err)
}

// resume reads a pending authorization, locked, that belongs to this browser and
// still waits.
func (p *Provider) resume(f *flight, r *http.Request) error {
	id := r.PathValue("id")
	if !plausible(id) {
		return errStale
	}
	row, err := f.tx.Authorization(id)
	if err != nil && missing(err) {
		return errStale
	}
	if err != nil {
		return err
	}
	browser := p.cookies.Read(r, session.Browser)
	switch {
	case browser == "" || !secret.Equal(row.BrowserHash, secret.Hash(browser)):
		return errStale
	case !row.FinishedAt.IsZero():
		return errFinished
	case !f.tx.Now().Before(row.ExpiresAt) && row.Device != nil:
		return errDeviceOld
	case !f.tx.Now().Before(row.ExpiresAt):
		return errStale
	}
	f.row, f.saved = row, true
	f.request = &request{}
	if err := json.Unmarshal([]byte(row.Request), f.request); err != nil {
		return err
	}
	f.client, err = p.client(f.tx, row.ClientID)
	if err != nil && missing(err) || err == nil && row.Device == nil && !registered(f.client.RedirectURIs, row.RedirectURI) {
		return errClientUnknown
	}
	if err != nil {
		return err
	}
	if row.Device != nil {
		if err := f.ofDevice(); err != nil {
			return err
		}
	}
	return p.whoIsHere(f, r)
}

// whoIsHere finds the auth session of this browser, if there is one.
func (p *Provider) whoIsHere(f *flight, r *http.Request) error {
	current, err := session.CurrentTx(f.tx, portique.DoorAuth, p.cookies.Read(r, session.Auth))
	if err != nil && !missing(err) {
		return err
	}
	if err != nil {
		current = nil
	}
	accountID := ""
	if current != nil {
		accountID = current.Account.ID
	}
	f.current, f.actor = current, p.actorOf(r, accountID)
	return nil
}

// conclude writes what came of an authorization request.
func (p *Provider) conclude(w http.ResponseWriter, r *http.Request, f *flight, err error) {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		p.answer(w, r, f.request, refused.values())
	case err != nil:
		p.showError(w, r, err)
	case f.location != "":
		http.Redirect(w, r, f.location, http.StatusSeeOther)
	case f.refusal != nil:
		p.answer(w, r, f.request, f.refusal.values())
	default:
		p.answer(w, r, f.request, url.Values{"code": {f.code}})
	}
}

func (e *refusal) values() url.Values {
	return url.Values{"error": {e.code}, "error_description": {describe(e.description)}}
}

// answer sends an authorization response to the tool's redirect address, with
// `iss` (RFC 9207), by a redirect or by a form of our own.
func (p *Provider) answer(w http.ResponseWriter, r *http.Request, q *request, v url.Values) {
	v.Set("iss", p.issuer)
	if q.State != "" {
		v.Set("state", q.State)
	}
	w.Header().Set("Cache-Control", "no-store")
	if q.ResponseMode == "form_post" {
		fields := make(map[string]string, len(v))
		for name := range v {
			fields[name] = v.Get(name)
		}
		p.pages.FormPost(w, r, q.RedirectURI, fields)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, withQuery(q.RedirectURI, v), http.StatusSeeOther)
}

// withQuery adds parameters to a registered address, leaving its own as they
// are (RFC 6749 3.1.2).
func withQuery(uri string, v url.Values) string {
	switch {
	case len(v) == 0:
		return uri
	case !strings.Contains(uri, "?"):
		return uri + "?" + v.Encode()
	case strings.HasSuffix(uri, "?"), strings.HasSuffix(uri, "&"):
		return uri + v.Encode()
	}
	return uri + "&" + v.Encode()
}

// registered compares exactly, character by character (RFC 9700 2.1).
func registered(uris []string, uri string) bool {
	for _, u := range uris {
		if u == uri {
			return true
		}
	}
	return false
}

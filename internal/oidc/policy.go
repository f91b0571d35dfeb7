package oidc

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"portique"
	"portique/internal/session"
	"portique/internal/store"
	"portique/internal/tool"
)

// decide says what comes next for a person who wants to enter a tool: a page of
// ours (location), an answer to the tool (refusal), or, with neither, a code
// for the access in row.MembershipID. It reads afresh each time: what was
// chosen earlier counts only if it still holds.
func (p *Provider) decide(f *flight) error {
	signedIn, err := p.signedIn(f)
	if err != nil {
		return err
	}
	if !signedIn {
		if f.request.asks("none") {
			f.refusal = refuse("login_required", "nobody is signed in, or not as the request asks")
			return nil
		}
		f.send(pathLogin)
		return nil
	}
	q := f.request
	if !p.isSubject(f) {
		f.refusal = refuse("login_required", "another person signed in than the one the request names")
		return nil
	}
	if !reaches(acrPassword, f.client.MinACR) {
		f.refusal = refuse("unmet_authentication_requirements", "this tool asks for a stronger sign-in than there is: "+f.client.MinACR)
		return nil
	}
	f.row.SessionID = f.current.ID
	if f.client.ID == portique.PortalClientID {
		return f.enter()
	}
	open, err := tool.Openings(f.tx, f.current.Account.ID, f.client.ID)
	if err != nil {
		return err
	}
	if f.choose(open); f.row.MembershipID != "" {
		agreed, err := f.agreed()
		if err != nil {
			return err
		}
		switch {
		case agreed:
			return f.enter()
		case q.asks("none"):
			f.refusal = refuse("consent_required", "the person has not agreed yet to what this tool is told")
		default:
			f.send(pathConsent)
		}
		return nil
	}
	none := q.asks("none")
	switch {
	case len(open) == 0 && none:
		f.refusal = refuse("access_denied", "no company of this person opens this tool")
	case len(open) == 0:
		f.send(pathNoAccess)
	case none:
		f.refusal = refuse("interaction_required", "the person must choose a company: send company_hint")
	default:
		f.send(pathCompany)
	}
	return nil
}

// reaches says whether a level of sign-in is the one asked for, or above it.
func reaches(level, asked string) bool {
	return asked == "" || slices.Index(portique.Levels, level) >= slices.Index(portique.Levels, asked)
}

// signedIn says whether somebody is signed in here as the request asks: prompt
// login wants a sign-in made for this very authorization, max_age one that is
// recent enough, id_token_hint a certain person.
func (p *Provider) signedIn(f *flight) (bool, error) {
	if f.current == nil {
		return false, nil
	}
	row, q := f.row, f.request
	if row.SessionID != "" && row.SessionID != f.current.ID {
		// Signed in anew meanwhile. As somebody else: nothing chosen before
		// counts, and this person signs in for it as well.
		before, err := f.tx.Session(row.SessionID)
		if err != nil && !missing(err) {
			return false, err
		}
		if err != nil || before.AccountID != f.current.Account.ID {
			row.SessionID, row.MembershipID, row.ConsentedAt = "", "", time.Time{}
			return false, nil
		}
	}
	old := q.MaxAge != nil && f.current.AuthTime.Before(row.CreatedAt) && f.tx.Now().Sub(f.current.AuthTime).Seconds() > float64(*q.MaxAge)
	if row.SessionID == f.current.ID {
		return !old, nil // signed in for this authorization, or found good enough for it before
	}
	switch {
	case q.asks("login"), q.asks("select_account"):
		return false, nil
	case q.MaxAge != nil && (*q.MaxAge == 0 || f.tx.Now().Sub(f.current.AuthTime).Seconds() > float64(*q.MaxAge)):
		return false, nil
	}
	return p.isSubject(f), nil
}

// isSubject says whether who is signed in is the only person who will do, if the
// request names one.
func (p *Provider) isSubject(f *flight) bool {
	return f.request.Subject == "" || f.request.Subject == p.subject(f.client, f.current.Account.ID)
}

// agreed says whether the person need not be asked, or has agreed to all that the
// tool would be told. What it would be told is noted for the page that asks, and
// judged again after the answer: it may have become more meanwhile.
func (f *flight) agreed() (bool, error) {
	if !f.client.Consent && !f.request.asks("consent") {
		return true, nil
	}
	more, err := f.tx.AccountClaims(f.current.Account.ID)
	if err != nil && !missing(err) {
		return false, err
	}
	told := f.request.told(f.client, more)
	given, err := f.tx.Consent(f.current.Account.ID, f.client.ID)
	if err != nil && !missing(err) {
		return false, err
	}
	var before []string
	switch {
	case err != nil: // nothing was agreed to, or it was taken back a moment ago
	case !f.row.ConsentedAt.IsZero() && !f.row.ConsentedAt.Before(given.GivenAt): // and nothing else was said since
		before = f.row.Told
	case !f.request.asks("consent"):
		before = given.Told
	}
	if !slices.ContainsFunc(told, func(one string) bool { return !slices.Contains(before, one) }) {
		return true, nil
	}
	f.row.Told, f.row.ConsentedAt = told, time.Time{}
	return false, nil
}

// ofAccount are the claims that every account has.
var ofAccount = []string{"name", "given_name", "family_name", "locale", "updated_at", "email", "email_verified", "company"}

// told lists what a request would have a tool told of a person: the claims that
// it may have and that this person has, more among them, in a fixed order;
// offline_access when it may ask again later; openid first, for that the person
// signed in is always told.
func (q *request) told(t *portique.Tool, more string) []string {
	var known map[string]any
	_ = json.Unmarshal([]byte(more), &known) // ours, or empty
	asked := slices.Concat(q.Claims.IDToken, q.Claims.Userinfo)
	for scope := range strings.FieldsSeq(q.Scope) {
		asked = append(asked, scopeClaims[scope]...)
	}
	told := []string{"openid"}
	for _, claim := range portique.Claims {
		if slices.Contains(asked, claim) && t.MayHave(claim) && (slices.Contains(ofAccount, claim) || known[claim] != nil) {
			told = append(told, claim)
		}
	}
	if hasScope(q.Scope, "offline_access") {
		told = append(told, "offline_access")
	}
	return told
}

// choose settles for which access the tool is entered, or leaves it open: the
// one chosen on our page, the one company hinted at, the only one. Never
// another company than the hint's silently.
func (f *flight) choose(open []*portique.Membership) {
	chosen := ""
	for _, m := range open {
		if m.ID == f.row.MembershipID {
			chosen = m.ID
		}
	}
	hint := f.request.CompanyHint
	switch {
	case chosen != "":
	case f.request.asks("select_company") && len(open) > 1:
	case hint != "":
		for _, m := range open {
			if string(m.SIREN) == hint {
				chosen = m.ID
			}
		}
	case len(open) == 1:
		chosen = open[0].ID
	}
	f.row.MembershipID = chosen
}

// enter notes that the person enters, which is also a use of their session.
func (f *flight) enter() error {
	if f.forDevice() {
		f.send(pathDeviceConfirm)
		return nil
	}
	if err := f.tx.TouchSession(f.current.ID); err != nil {
		return err
	}
	if f.client.ID == portique.PortalClientID {
		return nil
	}
	m, err := f.tx.Membership(f.row.MembershipID)
	if err != nil {
		return err
	}
	entered := f.actor.Event(portique.ActionToolEntered, f.client.ID, m.SIREN)
	if f.row.Device != nil {
		entered.Reason = "device"
	}
	return f.tx.Audit(entered)
}

// send has the person go to one of our pages, and come back.
func (f *flight) send(path string) {
	q := url.Values{"authorization": {f.row.ID}}
	if f.request.Language != "" {
		q.Set("ui_locales", f.request.Language)
	}
	f.location = path + "?" + q.Encode()
}

// standing is what a grant stands on: while any of it is gone, the grant opens
// nothing.
type standing struct {
	current    *session.Current // account and auth session, alive
	tool       *portique.Tool
	membership *portique.Membership // nil for the portal
	claims     string               // what more is known of the person, JSON, or ""
}

// errFallen: something that the grant stands on has ended.
var errFallen = &portique.Error{Kind: portique.NotFound, Key: "grant.fallen"}

// stand checks, now, everything that a grant stands on: the session, the
// account, the tool, and that the access still opens it.
func (p *Provider) stand(tx *store.Tx, g *store.Grant) (*standing, error) {
	if g.ClientID == portique.PortalClientID {
		current, err := session.Alive(tx, g.SessionID)
		if err != nil {
			return nil, err
		}
		if current.Account.ID != g.AccountID {
			return nil, errFallen
		}
		return &standing{current: current, tool: p.portal}, nil
	}
	s, err := tx.Standing(g.ID)
	if err != nil {
		return nil, err
	}
	return standsOn(s, tx.Now())
}

// standsOn is stand for what was read already.
func standsOn(s *store.Standing, now time.Time) (*standing, error) {
	current, err := session.AliveWith(s.Session, s.Account, now)
	if err != nil {
		return nil, err
	}
	if !s.Tool.DisabledAt.IsZero() || !reaches(acrPassword, s.Tool.MinACR) || s.Membership.Opens(s.Tool, now) != portique.Open {
		return nil, errFallen
	}
	return &standing{current, s.Tool, s.Membership, s.Claims}, nil
}

// Package access is about who may act for a company: attaching it, asking for
// access, deciding, giving and taking roles. Every change locks the company's
// row first and is one transaction with its letters and its journal lines, so
// that a company never has two first administrators and never loses its last
// one.
package access

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// Service decides about accesses.
type Service struct {
	db       *store.DB
	keys     *secret.Keys
	language string // of people who never chose one
	support  string // address of the operator's support; may be empty
	portal   string // origin of the portal
	policy   portique.ClaimPolicy
	guesses  portique.Budget // of wrong member codes, over the installation
}

// Options are what the service is told of the installation.
type Options struct {
	Language       string // of people who never chose one
	Support        string // address of the operator's support; may be empty
	PortalURL      string // origin that the links of letters point at
	Policy         portique.ClaimPolicy
	MemberCodeBits int // entropy of the operator's member codes
}

// New makes the service.
func New(db *store.DB, keys *secret.Keys, o Options) *Service {
	return &Service{db: db, keys: keys, language: o.Language, support: o.Support, portal: o.PortalURL, policy: o.Policy,
		guesses: portique.GuessBudget(o.MemberCodeBits)}
}

// administrator returns the actor's access when they administer the company
// now; otherwise the company does not exist for them.
func administrator(tx *store.Tx, actor portique.Actor, siren portique.SIREN) (*portique.Membership, error) {
	m, err := tx.LivingMembership(actor.AccountID, siren)
	if errors.Is(err, portique.ErrMembershipUnknown) {
		return nil, portique.ErrNotAdministrator
	}
	if err != nil {
		return nil, err
	}
	if m.Role != portique.Administrator || !m.Active(tx.Now()) {
		return nil, portique.ErrNotAdministrator
	}
	return m, nil
}

// lockAs locks a company for a change by one of its administrators. It also
// returns how the company was first claimed, which may hold the change back.
func lockAs(tx *store.Tx, actor portique.Actor, siren portique.SIREN) (*portique.Membership, *portique.FirstClaim, error) {
	if _, err := tx.LockCompany(siren); err != nil {
		return nil, nil, err
	}
	me, err := administrator(tx, actor, siren)
	if err != nil {
		return nil, nil, err
	}
	claim, err := tx.FirstClaim(siren)
	return me, claim, err
}

// post writes a letter to the holder of an account, in their language.
func (s *Service) post(tx *store.Tx, accountID string, kind portique.LetterKind, about string, data map[string]string) error {
	account, err := tx.Account(accountID)
	if err != nil {
		return err
	}
	language := account.Language
	if language == "" {
		language = s.language
	}
	if err := nameTools(tx, language, data); err != nil {
		return err
	}
	for key, value := range data {
		if value == "" {
			delete(data, key)
		}
	}
	letter := &portique.Letter{To: account.Email, Name: account.Name(), Language: language, Kind: kind, About: about, Data: data}
	switch kind {
	case portique.LetterRoleChanged, portique.LetterAdministrator:
		if err := s.standIn(tx, accountID, letter); err != nil {
			return err
		}
	case portique.LetterAccessEnded: // what would be told of it later is over
		if err := tx.DropDelayed(about); err != nil {
			return err
		}
	}
	return tx.Post(letter)
}

// standIn has a letter about a changed access stand for those that wait, so that
// people read how it is in the end. Three leave an hour about one access; the
// next leaves later.
func (s *Service) standIn(tx *store.Tx, accountID string, letter *portique.Letter) error {
	older, err := tx.TakeBackLetters(letter.To, letter.About, portique.LetterRoleChanged, portique.LetterAdministrator)
	if err != nil {
		return err
	}
	for i, o := range older {
		leaves := o.RunAt
		if o.Attempts > 0 { // it waits for the mail server, not for its turn
			leaves = tx.Now()
		}
		if i == 0 || leaves.Before(letter.RunAt) {
			letter.RunAt = leaves
		}
		// What the older ones would have told has changed all the same.
		if o.Data["same_role"] == "" {
			delete(letter.Data, "same_role")
		}
		if o.Data["no_until"] != "" && letter.Data["until"] == "" {
			letter.Data["no_until"] = o.Data["no_until"]
		}
	}
	if len(older) == 0 {
		letter.RunAt, err = tx.Slot(store.Try{Budget: portique.BudgetChangeLetters, Key: []string{accountID, letter.About}})
	}
	return err
}

// postAll writes a letter to each of some members; data is made anew for each.
func (s *Service) postAll(tx *store.Tx, to []*portique.Membership, kind portique.LetterKind, about string, data func() map[string]string) error {
	for _, m := range to {
		if err := s.post(tx, m.AccountID, kind, about, data()); err != nil {
			return err
		}
	}
	return nil
}

func without(list []*portique.Membership, accountID string) []*portique.Membership {
	return slices.DeleteFunc(slices.Clone(list), func(m *portique.Membership) bool { return m.AccountID == accountID })
}

// namedTools is how many tools a letter names, when there are not many more.
const namedTools = 6

// opened adds to a letter about an access which tools it opens, for a member:
// their ids with spaces, or AllTools. What other roles open, the role says.
func opened(m *portique.Membership, data map[string]string) {
	if m.Role == portique.Member {
		data["tools"] = strings.Join(m.Rights, " ")
	}
}

// nameTools has a letter name the tools that opened put in it, in the language of
// who reads it, and say how many are left out.
func nameTools(tx *store.Tx, language string, data map[string]string) error {
	ids := strings.Fields(data["tools"])
	if len(ids) == 0 {
		return nil
	}
	if slices.Contains(ids, portique.AllTools) {
		data["tools"] = portique.AllTools
		return nil
	}
	tools, err := tx.Tools()
	if err != nil {
		return err
	}
	slices.SortFunc(tools, portique.ByNameIn(language))
	var names []string
	for _, t := range tools {
		if slices.Contains(ids, t.ID) {
			names = append(names, t.NameIn(language))
		}
	}
	if len(names) > namedTools {
		data["more_tools"] = number(len(names) - namedTools + 1) // never a single one
		names = names[:namedTools-1]
	}
	data["tools"] = strings.Join(names, ", ")
	return nil
}

// when writes a time for a letter, "" for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func number(n int) string { return strconv.Itoa(n) }

// rightsOf judges what is given, and returns the rights or everything that is
// wrong with it at once.
func rightsOf(tx *store.Tx, role portique.Role, ids []string, until time.Time) ([]string, error) {
	tools, err := checkTools(tx, role, ids)
	var faults portique.FieldErrors
	if err != nil && !errors.As(err, &faults) {
		return nil, err
	}
	rights, err := portique.GrantTerms(role, tools, until, tx.Now())
	var more portique.FieldErrors
	if err != nil && !errors.As(err, &more) {
		return nil, err
	}
	return rights, append(faults, more...).Err()
}

// checkTools refuses ids that are no tool. nil means the default of the page:
// every tool.
func checkTools(tx *store.Tx, role portique.Role, ids []string) ([]string, error) {
	if role != portique.Member {
		return nil, nil
	}
	if ids == nil {
		return []string{portique.AllTools}, nil
	}
	tools, err := tx.Tools()
	if err != nil {
		return nil, err
	}
	if slices.Contains(ids, portique.AllTools) {
		return []string{portique.AllTools}, nil
	}
	for _, id := range ids {
		known := slices.ContainsFunc(tools, func(t *portique.Tool) bool { return t.ID == id })
		if !known {
			return nil, portique.FieldErrors{{Kind: portique.Invalid, Key: "membership.tool_unknown", Field: "tool"}}
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Memberships are a person's accesses that have not been ended, by company
// name.
func (s *Service) Memberships(ctx context.Context, accountID string) (list []*portique.Membership, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.MembershipsOf(accountID)
		return err
	})
	return list, err
}

// Pending are a person's requests that wait for an answer, newest first.
func (s *Service) Pending(ctx context.Context, accountID string) (list []*portique.AccessRequest, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = tx.PendingOf(accountID)
		return err
	})
	return list, err
}

// Ended is an access that ended, and who ended it.
type Ended struct {
	*portique.Membership
	At time.Time
	By *portique.Account // nil when nobody did who can be written to, and when its person did
}

// Left says whether the person ended it.
func (e Ended) Left() bool { return e.EndedBy == e.AccountID }

// Lapsed says whether it came to its end date.
func (e Ended) Lapsed() bool { return e.At.Equal(e.Until) }

// Ended are a person's accesses that ended in the last 30 days, the newest first.
func (s *Service) Ended(ctx context.Context, accountID string) (list []Ended, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		found, err := tx.EndedMembershipsOf(accountID, tx.Now().Add(-portique.ExpireAfter))
		list = nil
		for _, m := range found {
			e := Ended{Membership: m, At: m.EndedAt}
			if e.At.IsZero() {
				e.At = m.Until
			}
			if !e.Left() {
				if e.By, err = reachable(tx, m.EndedBy); err != nil {
					return err
				}
			}
			list = append(list, e)
		}
		return err
	})
	return list, err
}

// Waiting is how many requests wait for a person's answer as an administrator,
// by company; companies where none waits are left out.
func (s *Service) Waiting(ctx context.Context, accountID string) (n map[portique.SIREN]int, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		n, err = tx.WaitingFor(accountID)
		return err
	})
	return n, err
}

// Asked is a request with what became of its letters.
type Asked struct {
	*portique.AccessRequest
	Deliveries []store.Delivery
	AskAgainAt time.Time         // of a refused one: when the person may ask again
	By         *portique.Account // of a refused one: who did, while their account is open
}

// Requests are a person's requests: those that wait, and those decided in the
// last 30 days, newest first.
func (s *Service) Requests(ctx context.Context, accountID string) ([]Asked, error) {
	var asked []Asked
	err := s.db.View(ctx, func(tx *store.Tx) error {
		asked = nil
		requests, err := tx.RequestsOf(accountID)
		if err != nil {
			return err
		}
		deliveries, err := tx.Deliveries(accountID)
		if err != nil {
			return err
		}
		for _, r := range requests {
			if r.Status != portique.RequestPending && tx.Now().Sub(r.DecidedAt) > portique.ExpireAfter {
				continue
			}
			a := Asked{AccessRequest: r}
			if r.Status == portique.RequestRefused {
				a.AskAgainAt = r.DecidedAt.Add(portique.AskAgainAfter)
				if a.By, err = reachable(tx, r.DecidedBy); err != nil {
					return err
				}
			}
			a.Deliveries = deliveries[r.ID]
			asked = append(asked, a)
		}
		return nil
	})
	return asked, err
}

// reachable returns the account of who decided something, nil when nobody can be
// written to.
func reachable(tx *store.Tx, accountID string) (*portique.Account, error) {
	if accountID == "" {
		return nil, nil
	}
	by, err := tx.Account(accountID)
	if errors.Is(err, portique.ErrAccountUnknown) || err == nil && by.Status != portique.AccountActive {
		return nil, nil
	}
	return by, err
}

// Users is what an administrator sees of a company.
type Users struct {
	Company *portique.Company
	Claim   *portique.FirstClaim // nil: nobody claimed it with a member code
	Me      *portique.Membership
	Members []*portique.Membership
	Pending []*portique.AccessRequest
	Tools   []*portique.Tool
}

// Users returns the people of a company to one of its administrators;
// ErrNotAdministrator for anybody else.
func (s *Service) Users(ctx context.Context, actor portique.Actor, siren portique.SIREN) (*Users, error) {
	u := &Users{}
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if u.Me, err = administrator(tx, actor, siren); err != nil {
			return err
		}
		if u.Company, err = tx.Company(siren); err != nil {
			return err
		}
		if u.Claim, err = tx.FirstClaim(siren); err != nil {
			return err
		}
		if u.Members, err = tx.MembershipsIn(siren); err != nil {
			return err
		}
		if u.Pending, err = tx.PendingIn(siren); err != nil {
			return err
		}
		u.Tools, err = tx.Tools()
		return err
	})
	if err != nil {
		return nil, err
	}
	return u, nil
}

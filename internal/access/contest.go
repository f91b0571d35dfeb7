package access

import (
	"context"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
)

// watch puts a first claim under watch: the known contact is told and may
// confirm or contest. Without a contact, or when it is the claimant, the
// operator is told instead.
func (s *Service) watch(tx *store.Tx, actor portique.Actor, account *portique.Account, m *portique.Membership, company *portique.Company) (*portique.FirstClaim, error) {
	token, code := secret.Token(), secret.Digits(6)
	c := &portique.FirstClaim{ID: store.NewID(), SIREN: company.SIREN, AccountID: account.ID, MembershipID: m.ID, TokenHash: secret.Hash(token),
		Status: portique.FirstClaimWatched, CreatedAt: tx.Now(), WatchedUntil: portique.WatchedUntil(tx.Now())}
	c.CodeHash = s.keys.TypedCode("first-claim", c.ID, code)
	if company.ContactEmail != account.Email {
		c.ContactEmail = company.ContactEmail
	}
	if err := tx.InsertFirstClaim(c); err != nil {
		return nil, err
	}
	data := map[string]string{"company": company.Name, "siren": string(company.SIREN), "person": account.Name(), "person_email": account.Email}
	if c.ContactEmail == "" {
		return c, s.tellSupport(tx, portique.LetterOperatorClaim, c.ID, data, "no_contact")
	}
	data["until"] = when(c.WatchedUntil)
	return c, tx.Post(&portique.Letter{To: c.ContactEmail, Language: s.language, Kind: portique.LetterFirstClaim, About: c.ID, Data: data,
		Secret: map[string]string{"link": s.portal + "/contest/" + token, "code": code}})
}

// OpenContest reads the link of a first claim's notice; opening it changes
// nothing. The claim is given with ErrClaimAnswered and ErrClaimOver too.
func (s *Service) OpenContest(ctx context.Context, token string) (c *portique.FirstClaim, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if c, err = tx.FirstClaimByToken(secret.Hash(token)); err != nil {
			return err
		}
		if err := c.CheckAnswer(tx.Now()); portique.KindOf(err) == portique.Conflict {
			return err
		}
		return nil
	})
	return c, err
}

// Contest takes the known contact's answer, once, with the code printed in the
// same letter: that the first administrator is right, or, with contest, is not.
// Contested, decisions about accesses wait for the operator; tools stay open.
func (s *Service) Contest(ctx context.Context, actor portique.Actor, token, typed string, contest bool) (c *portique.FirstClaim, err error) {
	code := portique.TypedDigits(typed)
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		taken, err := tx.Take(store.Try{Budget: portique.BudgetCodeSource, Key: []string{portique.SourceKey(actor.Source)}})
		if err != nil {
			return err
		}
		found, err := tx.FirstClaimByToken(secret.Hash(token))
		if err != nil {
			return err
		}
		if _, err := tx.LockCompany(found.SIREN); err != nil {
			return err
		}
		if c, err = tx.FirstClaim(found.SIREN); err != nil {
			return err
		}
		if err := c.CheckAnswer(tx.Now()); err != nil {
			return err
		}
		if len(code) != 6 || !secret.Equal(c.CodeHash, s.keys.TypedCode("first-claim", c.ID, code)) {
			c.Tries++
			if err := tx.UpdateFirstClaim(c); err != nil {
				return err
			}
			if err := tx.Audit(actor.Event(portique.ActionCodeFailed, c.ID, c.SIREN)); err != nil {
				return err
			}
			return store.Refused(portique.ErrClaimCode)
		}
		if err := tx.GiveBack(taken); err != nil {
			return err
		}
		c.Answer(contest, tx.Now())
		if err := tx.UpdateFirstClaim(c); err != nil {
			return err
		}
		if !contest {
			err = s.post(tx, c.AccountID, portique.LetterClaimConfirmed, c.ID, map[string]string{"company": c.CompanyName, "siren": string(c.SIREN)})
			if err != nil {
				return err
			}
			return tx.Audit(actor.Event(portique.ActionClaimConfirmed, c.ID, c.SIREN))
		}
		if err := tx.Audit(actor.Event(portique.ActionClaimContested, c.ID, c.SIREN)); err != nil {
			return err
		}
		err = s.post(tx, c.AccountID, portique.LetterClaimContested, c.ID, map[string]string{"company": c.CompanyName, "siren": string(c.SIREN)})
		if err != nil {
			return err
		}
		return s.tellSupport(tx, portique.LetterOperatorClaim, c.ID, map[string]string{"company": c.CompanyName, "siren": string(c.SIREN),
			"person": c.Name(), "person_email": c.Email}, "contested")
	})
	return c, err
}

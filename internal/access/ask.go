package access

import (
	"slices"
	"strings"

	"portique"
	"portique/internal/store"
)

// ask writes to administrators about a request. Beyond three such letters an
// hour, and three reminders, an administrator gets one later that stands for all:
// two hundred requests are not two hundred letters. The operator is told when
// that begins.
func (s *Service) ask(tx *store.Tx, actor portique.Actor, administrators []*portique.Membership, kind portique.LetterKind, r *portique.AccessRequest, data func() map[string]string) error {
	// Their budgets are locked in one order, whatever the company: those who
	// administer two would otherwise make two requests wait for each other.
	administrators = slices.SortedFunc(slices.Values(administrators), func(a, b *portique.Membership) int { return strings.Compare(a.AccountID, b.AccountID) })
	letters := portique.BudgetRequestLetters
	if kind == portique.LetterRequestReminder {
		letters = portique.BudgetRemindLetters
	}
	for _, m := range administrators {
		budget := store.Try{Budget: letters, Key: []string{m.AccountID}}
		spent, err := tx.Spent(budget)
		if err != nil {
			return err
		}
		if !spent {
			if _, err := tx.Slot(budget); err != nil {
				return err
			}
			if err := s.post(tx, m.AccountID, kind, r.ID, data()); err != nil {
				return err
			}
			continue
		}
		if err := s.digest(tx, budget, m, r); err != nil {
			return err
		}
		if err := tx.Alert(actor, s.support, s.language, store.AlertRequests, map[string]string{"company": r.CompanyName, "siren": string(r.SIREN)}); err != nil {
			return err
		}
	}
	return nil
}

// digest makes sure that a letter about the company's requests leaves later.
func (s *Service) digest(tx *store.Tx, budget store.Try, m *portique.Membership, r *portique.AccessRequest) error {
	waiting, err := tx.HasDelayed(m.Email, portique.LetterRequestDigest, string(r.SIREN))
	if err != nil || waiting {
		return err
	}
	leaves, err := tx.Slot(budget)
	if err != nil {
		return err
	}
	account, err := tx.Account(m.AccountID)
	if err != nil {
		return err
	}
	language := account.Language
	if language == "" {
		language = s.language
	}
	return tx.Post(&portique.Letter{To: account.Email, Name: account.Name(), Language: language, Kind: portique.LetterRequestDigest, About: string(r.SIREN),
		RunAt: leaves, Data: map[string]string{"company": r.CompanyName, "siren": string(r.SIREN)}})
}

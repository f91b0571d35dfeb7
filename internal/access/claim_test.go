package access_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/access"
	"portique/internal/store/storetest"
)

const contact = "contact@martin.example"

func known(c *portique.Company) { c.ContactEmail = contact }

// with is the same portal under another policy.
func (w *world) with(change func(*access.Options)) *world {
	o := options
	change(&o)
	other := *w
	other.Service = access.New(w.db, storetest.Keys(), o)
	return &other
}

// notice reads the newest letter to an address: its token if it has a link, and its code.
func (w *world) notice(to string) (kind portique.LetterKind, token, code string) {
	w.t.Helper()
	all := storetest.Outbox(w.t, w.db, to)
	if len(all) == 0 {
		w.t.Fatalf("no letter to %s", to)
	}
	l := all[len(all)-1]
	_, token, _ = strings.Cut(l.Secret["link"], "/contest/")
	return l.Kind, token, l.Secret["code"]
}

func other(code string) string {
	return strings.Repeat("1", len(code)-1) + string('0'+(code[len(code)-1]-'0'+1)%10)
}

// CLM-01: the known contact is told of a first claim. Until it answers or 72 hours have passed, members are accepted, but no
// administrator is made and nobody else is removed; one may always leave.
func TestWatch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul")
		siren := w.company(known)
		if a, err := w.attach(jeanne, siren); err != nil || a.Membership == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		w.posted("first_claim>contact administrator>jeanne")
		made := w.asks(luc, siren)
		_, err := w.Accept(ctx, as(jeanne), siren, made.ID, access.Terms{Role: portique.Administrator})
		w.want("an administrator", err, portique.ErrClaimWatched)
		var refused *portique.Error
		if !errors.As(err, &refused) || refused.Kind != portique.Conflict || !refused.RetryAt.Equal(w.watch.Now().Add(72*hour)) {
			t.Errorf("the hour: %+v", refused)
		}
		if _, err := w.Accept(ctx, as(jeanne), siren, made.ID, access.Terms{Role: portique.Member}); err != nil {
			t.Errorf("a member: %v", err)
		}
		his := w.membership(luc, siren)
		_, err = w.ChangeRole(ctx, as(jeanne), siren, his.ID, access.Change{Role: portique.Administrator})
		w.want("a promotion", err, portique.ErrClaimWatched)
		_, err = w.Remove(ctx, as(jeanne), siren, his.ID)
		w.want("a removal", err, portique.ErrClaimWatched)
		_, err = w.ChangeRole(ctx, as(jeanne), siren, his.ID, access.Change{Role: portique.Declarant})
		w.want("a lesser role", err, portique.ErrClaimWatched)
		_, err = w.ChangeRole(ctx, as(jeanne), siren, his.ID, access.Change{Role: portique.Member, Tools: []string{"formation"}})
		w.want("fewer tools", err, portique.ErrClaimWatched)
		_, err = w.ChangeRole(ctx, as(jeanne), siren, his.ID, access.Change{Role: portique.Member, Until: new(w.watch.Now().Add(day))})
		w.want("an end date", err, portique.ErrClaimWatched)
		if w.access(luc, siren) != "member [*]" {
			t.Errorf("he has %s", w.access(luc, siren))
		}
		asked := w.asks(paul, siren)
		if _, err := w.Refuse(ctx, as(jeanne), siren, asked.ID, "Je ne vous connais pas."); err != nil {
			t.Errorf("a refusal: %v", err)
		}
		w.watch.Forward(72*hour - time.Second)
		_, err = w.Remove(ctx, as(jeanne), siren, his.ID)
		w.want("a second before", err, portique.ErrClaimWatched)
		w.watch.Forward(time.Second)
		if _, err := w.ChangeRole(ctx, as(jeanne), siren, his.ID, access.Change{Role: portique.Administrator}); err != nil {
			t.Errorf("after 72 hours: %v", err)
		}
	})
}

// The contact answers once, with the code of its letter. Confirmed, nothing waits any more; contested, nobody's access changes,
// tools stay open and one may leave, until the operator decides.
func TestContest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, stranger := t.Context(), portique.Actor{Door: portique.DoorPortal, Source: "198.51.100.7"}
		jeanne, luc := w.person("jeanne"), w.person("luc")
		claim := func() (portique.SIREN, string, string) {
			siren := w.company(known)
			if _, err := w.attach(jeanne, siren); err != nil {
				t.Fatal(err)
			}
			kind, token, code := w.notice(contact)
			if kind != portique.LetterFirstClaim || len(code) != 6 {
				t.Fatalf("the notice is %s with the code %q", kind, code)
			}
			return siren, token, code
		}
		siren, token, code := claim()
		for range 3 { // opening changes nothing
			if c, err := w.OpenContest(ctx, token); err != nil || c.Email != jeanne.Email || c.SIREN != siren {
				t.Fatalf("%+v, %v", c, err)
			}
		}
		for what, try := range map[string][2]string{"no code": {token, ""}, "another code": {token, other(code)}, "letters": {token, "abcdef"}} {
			_, err := w.Contest(ctx, stranger, try[0], try[1], true)
			w.want(what, err, portique.ErrClaimCode)
		}
		_, err := w.Contest(ctx, stranger, token+"x", code, true)
		w.want("another link", err, portique.ErrClaimUnknown)
		w.letters()
		if _, err := w.Contest(ctx, stranger, token, code[:3]+" "+code[3:], false); err != nil {
			t.Fatal(err)
		}
		w.posted("claim_confirmed>jeanne")
		_, err = w.Contest(ctx, stranger, token, code, true)
		w.want("a second answer", err, portique.ErrClaimAnswered)
		r := w.asks(luc, siren)
		if _, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Administrator}); err != nil {
			t.Errorf("once confirmed: %v", err)
		}

		siren, token, code = claim()
		r = w.asks(luc, siren)
		w.letters()
		if _, err := w.Contest(ctx, stranger, token, code, true); err != nil {
			t.Fatal(err)
		}
		w.posted("claim_contested>jeanne operator_claim>aide")
		mine := w.membership(jeanne, siren)
		for what, act := range map[string]func() error{
			"accepting": func() error {
				_, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Member})
				return err
			},
			"refusing": func() error { _, err := w.Refuse(ctx, as(jeanne), siren, r.ID, "Non."); return err },
		} {
			w.want(what, act(), portique.ErrCompanyFrozen)
		}
		if w.access(jeanne, siren) != "administrator" {
			t.Error("the tools are closed")
		}
		first, _, err := w.Claims(ctx, siren, "")
		if err != nil || len(first) != 1 || first[0].Status != portique.FirstClaimContested {
			t.Fatalf("%+v, %v", first, err)
		}
		operator := portique.Actor{Door: portique.DoorCommand}
		if err := w.Settle(ctx, operator, first[0].ID, true, " "); portique.KindOf(err) != portique.Invalid {
			t.Errorf("without a reason: %v", err)
		}
		if err := w.Settle(ctx, operator, first[0].ID, true, "Vérifié par téléphone"); err != nil {
			t.Fatal(err)
		}
		w.posted("claim_settled>contact claim_settled>jeanne")
		w.want("settling twice", w.Settle(ctx, operator, first[0].ID, false, "Non"), portique.ErrClaimSettled)
		if _, err := w.Accept(ctx, as(jeanne), siren, r.ID, access.Terms{Role: portique.Administrator}); err != nil {
			t.Errorf("once kept: %v", err)
		}
		w.journal(first[0].ID, "access.claim_contested access.claim_settled")
		if m := w.membership(jeanne, siren); m.ID != mine.ID {
			t.Error("her access was made anew")
		}

		// Refused by the operator: the access is closed, and what waited goes to the operator.
		siren, token, code = claim()
		r = w.asks(luc, siren)
		if _, err := w.Contest(ctx, stranger, token, code, true); err != nil {
			t.Fatal(err)
		}
		first, _, _ = w.Claims(ctx, siren, jeanne.Email)
		if err := w.Settle(ctx, operator, first[0].ID, false, "Personne inconnue de l’entreprise"); err != nil {
			t.Fatal(err)
		}
		if err := w.Tick(ctx); err != nil {
			t.Fatal(err)
		}
		if w.access(jeanne, siren) != "" || w.request(r.ID).EscalatedAt.IsZero() {
			t.Errorf("she keeps %q, the request is %+v", w.access(jeanne, siren), w.request(r.ID))
		}
		if a, err := w.attach(w.person("paul"), siren); err != nil || a.Membership != nil {
			t.Errorf("somebody becomes administrator by attaching: %+v, %v", a, err)
		}

		// Too late, and too many codes.
		_, token, code = claim()
		for range portique.ContestTries {
			_, err := w.Contest(ctx, stranger, token, other(code), true)
			w.want("a wrong code", err, portique.ErrClaimCode)
		}
		_, err = w.Contest(ctx, stranger, token, code, true)
		w.want("past the tries of one link", err, refusal("claim.code_budget"))
		w.watch.Forward(72 * hour)
		_, err = w.Contest(ctx, stranger, token, code, true)
		w.want("too late", err, portique.ErrClaimOver)
	})
}

// The contact is nobody else, or nobody: the operator looks at the claim. A declarant's access is told to the contact too.
func TestFirstClaimTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		jeanne, paul := w.person("jeanne"), w.person("paul", declaring)
		hers := w.company(func(c *portique.Company) { c.ContactEmail = jeanne.Email })
		if _, err := w.attach(jeanne, hers); err != nil {
			t.Fatal(err)
		}
		w.posted("operator_claim>aide administrator>jeanne")
		if _, err := w.attach(jeanne, w.company()); err != nil {
			t.Fatal(err)
		}
		w.posted("operator_claim>aide administrator>jeanne")
		declared := w.company(known)
		if _, err := w.attach(paul, declared); err != nil {
			t.Fatal(err)
		}
		w.posted("access_opened>paul first_declarant>contact")
		if _, err := w.attach(jeanne, declared); err != nil { // the seat was free
			t.Fatal(err)
		}
		w.posted("first_claim>contact administrator>jeanne")
	})
}

// CLM-05, CLM-10: each wrong code counts against the account, one spelling as another, and the right one comes too late then; a
// right code costs nothing.
func TestMemberCodeBudgets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		jeanne, luc := w.person("jeanne"), w.person("luc")
		for range 30 { // thirty companies in a row, as an accountant does
			if _, err := w.attach(jeanne, w.company()); err != nil {
				t.Fatal(err)
			}
		}
		siren := w.company()
		try := func(who *portique.Account, source, code string) error {
			actor := as(who)
			actor.Source = source
			_, err := w.Attach(t.Context(), actor, string(siren), code)
			return err
		}
		for i := range 5 {
			w.want("wrong", try(luc, fmt.Sprintf("192.0.2.%d", i), []string{"k7qm-2zt9 ac", "K7QM2ZT9AC"}[i%2]), portique.ErrAttachNoMatch)
		}
		err := try(luc, "192.0.2.9", storetest.MemberCode)
		w.want("the sixth, though right", err, refusal("throttle.member_code"))
		var spent *portique.Error
		if errors.As(err, &spent); !spent.RetryAt.Equal(w.watch.Now().Add(hour)) {
			t.Errorf("until %v", spent.RetryAt)
		}
		w.want("another account is not concerned", try(jeanne, "192.0.2.9", storetest.MemberCode), nil)
		w.watch.Forward(hour)
		w.want("on this company, for a day", try(luc, "192.0.2.9", storetest.MemberCode), refusal("throttle.member_code"))
		w.watch.Forward(23 * hour)
		w.want("the next day", try(luc, "192.0.2.9", storetest.MemberCode), nil)

		// Who goes on all day with one company after another is pointed out to the operator, once.
		w.letters()
		eve := w.person("eve")
		for i := range 20 {
			_, err := w.Attach(t.Context(), as(eve), string(w.company()), "WRONG")
			w.want("wrong", err, portique.ErrAttachNoMatch)
			if i%5 == 4 {
				w.watch.Forward(hour)
			}
		}
		w.posted("operator_alert>aide")
		_, err = w.Attach(t.Context(), as(eve), string(siren), storetest.MemberCode)
		w.want("the twenty-first", err, refusal("throttle.member_code"))
		w.posted("")

		// Twenty from one network, whoever tries.
		for i := range 20 {
			w.want("wrong", try(w.person(fmt.Sprintf("p%d", i)), "2001:db8::"+fmt.Sprint(i), "WRONG"), portique.ErrAttachNoMatch)
		}
		w.want("the network", try(w.person("p20"), "2001:db8::99", storetest.MemberCode), refusal("throttle.source"))
	})
}

// CLM-04, CLM-07: once too many codes were tried, over the whole installation, everybody is asked for a second proof, whatever they
// typed. The code goes to the known contact if the member code was right, and to nobody otherwise. The rightful person gets in the
// same day.
func TestGuessing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w = w.with(func(o *access.Options) { o.MemberCodeBits = 17 }) // three wrong codes a day
		ctx := t.Context()
		siren, taken, closed := w.company(known), w.company(known), w.company(known, func(c *portique.Company) { c.Status = portique.CompanyClosed })
		storetest.Member(t, w.db, w.person("anne"), taken, portique.Administrator)
		for i, tries := range []int{3, 3, 1} { // of one person on one company they count once
			eve := w.person(fmt.Sprintf("eve%d", i))
			for range tries {
				_, err := w.Attach(ctx, as(eve), string(siren), "WRONG")
				w.want("a guess", err, portique.ErrAttachNoMatch)
			}
		}
		w.posted("")
		eve, jeanne, luc := w.person("eve"), w.person("jeanne"), w.person("luc")
		for what, try := range map[string]struct {
			who   *portique.Account
			siren portique.SIREN
			code  string
		}{
			"wrong": {eve, siren, "WRONG"}, "unknown": {eve, "732829320", "WRONG"}, "closed": {eve, closed, storetest.MemberCode},
			"right": {jeanne, siren, storetest.MemberCode}, "taken": {luc, taken, storetest.MemberCode},
		} {
			a, err := w.Attach(ctx, as(try.who), string(try.siren), try.code)
			if err != nil || a.StepUp == nil || a.Company != nil || a.Membership != nil || a.Request != nil {
				t.Errorf("%s: %+v, %v", what, a, err)
			}
		}
		if err := w.TellStepUps(ctx); err != nil {
			t.Fatal(err)
		}
		w.posted("operator_alert>aide claim_code>contact claim_code>contact") // two member codes were right
		if err := w.TellStepUps(ctx); err != nil || w.letters() != "" {
			t.Errorf("told twice, %v", err)
		}
		codes := map[string]string{}
		for _, l := range storetest.Outbox(t, w.db, contact) {
			if l.Kind == portique.LetterClaimCode {
				codes[l.Data["person_email"]] = l.Secret["code"]
			}
		}
		hers, his := codes[jeanne.Email], codes[luc.Email]
		if len(hers) != portique.StepUpCodeDigits || w.access(jeanne, siren) != "" {
			t.Fatalf("the code is %q, she has %q", hers, w.access(jeanne, siren))
		}
		_, err := w.Claim(ctx, as(eve), hers)
		w.want("somebody else's code", err, portique.ErrClaimCode)
		_, err = w.Claim(ctx, as(jeanne), "1234")
		w.want("half a code", err, refusal("claim.code_form"))
		a, err := w.Claim(ctx, as(jeanne), hers[:4]+" "+hers[4:])
		if err != nil || a.Membership == nil || w.access(jeanne, siren) != "administrator" {
			t.Fatalf("%+v, %v", a, err)
		}
		if first, _, err := w.Claims(ctx, siren, ""); err != nil || len(first) != 0 {
			t.Errorf("watched although the contact agreed: %v, %v", first, err)
		}
		_, err = w.Claim(ctx, as(jeanne), hers)
		w.want("a code twice", err, portique.ErrClaimNone)
		if a, err := w.Claim(ctx, as(luc), his); err != nil || a.Request == nil {
			t.Errorf("where there is an administrator: %+v, %v", a, err)
		}
		for range portique.StepUpTries - 1 {
			_, err := w.Claim(ctx, as(eve), "00000000")
			w.want("a guess", err, portique.ErrClaimCode)
		}
		_, err = w.Claim(ctx, as(eve), "00000000")
		w.want("past the tries", err, refusal("claim.code_over"))

		// A day later things are calm again.
		w.watch.Forward(day)
		if a, err := w.attach(w.person("marc"), w.company(known)); err != nil || a.Membership == nil {
			t.Errorf("the next day: %+v, %v", a, err)
		}
	})
}

// The stricter policies ask for the contact's or the operator's word before a company is opened, and only then.
func TestClaimPolicies(t *testing.T) {
	each(t, func(t *testing.T, base *world) {
		ctx, operator := t.Context(), portique.Actor{Door: portique.DoorCommand}
		w := base.with(func(o *access.Options) { o.Policy = portique.ClaimByContact })
		jeanne, luc, paul := w.person("jeanne"), w.person("luc"), w.person("paul", declaring)
		siren, silent := w.company(known), w.company()
		_, err := w.Attach(ctx, as(jeanne), string(siren), "WRONG")
		w.want("a wrong code is told", err, portique.ErrAttachNoMatch)
		for _, try := range []struct {
			who   *portique.Account
			siren portique.SIREN
		}{{jeanne, siren}, {paul, siren}, {luc, silent}} {
			if a, err := w.attach(try.who, try.siren); err != nil || a.StepUp == nil || w.access(try.who, try.siren) != "" {
				t.Errorf("%s: %+v, %v", try.who.Email, a, err)
			}
		}
		if err := w.TellStepUps(ctx); err != nil {
			t.Fatal(err)
		}
		w.posted("claim_code>contact claim_code>contact operator_claim>aide")

		// Without a contact the operator decides, by command line.
		_, second, err := w.Claims(ctx, silent, "")
		if err != nil || len(second) != 1 || second[0].Email != luc.Email {
			t.Fatalf("%+v, %v", second, err)
		}
		if err := w.Settle(ctx, operator, second[0].ID, true, "Extrait Kbis reçu"); err != nil || w.access(luc, silent) != "administrator" {
			t.Errorf("accepted: %q, %v", w.access(luc, silent), err)
		}
		w.posted("administrator>luc")
		w.want("twice", w.Settle(ctx, operator, second[0].ID, false, "Non"), portique.ErrClaimSettled)
		w.want("an unknown one", w.Settle(ctx, operator, "0190a0a0-0000-7000-8000-000000000000", true, "Oui"), portique.ErrClaimUnknown)

		// The newest of one person's stands for the older; refused, its person reads why.
		for range 2 {
			if _, err := w.attach(jeanne, siren); err != nil {
				t.Fatal(err)
			}
		}
		_, second, _ = w.Claims(ctx, siren, jeanne.Email)
		waiting := 0
		for _, u := range second {
			if u.Status == portique.StepUpWaiting {
				waiting++
				if err := w.Settle(ctx, operator, u.ID, false, "Le contact ne vous connaît pas"); err != nil {
					t.Error(err)
				}
			}
		}
		if l := w.last(jeanne); waiting != 1 || l.Kind != portique.LetterClaimRefused || l.Data["reason"] != "Le contact ne vous connaît pas" {
			t.Errorf("%d waited; she read %s %v", waiting, l.Kind, l.Data)
		}

		// A company that has administrators asks them, as ever.
		if a, err := w.attach(w.person("marc"), silent); err != nil || a.Request == nil {
			t.Errorf("%+v, %v", a, err)
		}

		w = base.with(func(o *access.Options) { o.Policy = portique.ClaimByOperator })
		w.letters()
		if a, err := w.attach(w.person("nina"), w.company(known)); err != nil || a.StepUp == nil {
			t.Errorf("%+v, %v", a, err)
		}
		if err := w.TellStepUps(ctx); err != nil {
			t.Fatal(err)
		}
		if got := w.letters(); !strings.HasSuffix(got, "operator_claim>aide") || strings.Contains(got, "claim_code") {
			t.Errorf("letters: %s", got)
		}
	})
}

// CLM-18: a new member code ends the old one at once and leaves requests alone; a second proof that was asked for with the old one
// is still its person's.
func TestCodeChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		anne, luc := w.person("anne"), w.person("luc")
		storetest.Member(t, w.db, anne, siren, portique.Administrator)
		r := w.asks(luc, siren)
		storetest.Company(t, w.db, siren, func(c *portique.Company) { c.CodeHash = storetest.Keys().MemberCode(string(siren), "NOUVEAU123") })
		_, err := w.attach(w.person("eve"), siren)
		w.want("the old code", err, portique.ErrAttachNoMatch)
		if a, err := w.Attach(t.Context(), as(w.person("marc")), string(siren), "nouveau-123"); err != nil || a.Request == nil {
			t.Errorf("the new code: %+v, %v", a, err)
		}
		if w.request(r.ID).Status != portique.RequestPending {
			t.Error("the request was touched")
		}
	})
}

// Asked again while its code lives, a second proof stays the one it was: one letter, one code, five tries in a day. Many people's
// letters about one company leave three an hour.
func TestStepUpAskedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w = w.with(func(o *access.Options) { o.Policy = portique.ClaimByContact })
		ctx := t.Context()
		siren, jeanne := w.company(known), w.person("jeanne")
		ask := func(who *portique.Account) string {
			t.Helper()
			a, err := w.attach(who, siren)
			if err != nil || a.StepUp == nil {
				t.Fatalf("%+v, %v", a, err)
			}
			if err := w.TellStepUps(ctx); err != nil {
				t.Fatal(err)
			}
			return a.StepUp.ID
		}
		first := ask(jeanne)
		_, _, code := w.notice(contact)
		for range 8 {
			_, err := w.Claim(ctx, as(jeanne), other(code))
			if !errors.Is(err, portique.ErrClaimCode) && !errors.Is(err, refusal("claim.code_over")) {
				t.Fatal(err)
			}
			if again := ask(jeanne); again != first {
				t.Fatal("a second proof that waits was replaced")
			}
		}
		w.posted("claim_code>contact")
		list, err := w.StepUps(ctx, jeanne.ID)
		if err != nil || len(list) != 1 || list[0].Tries != portique.StepUpTries || !list[0].AskAgainAt(w.watch.Now()).Equal(w.watch.Now().Add(portique.StepUpLife)) {
			t.Errorf("%+v, %v", list, err)
		}
		_, err = w.Claim(ctx, as(jeanne), code)
		w.want("the right code, past the tries", err, refusal("claim.code_over"))

		// A day later another code leaves, and asking again does not spoil the one that was passed on.
		w.watch.Forward(portique.StepUpLife)
		ask(jeanne)
		_, _, code = w.notice(contact)
		ask(jeanne)
		if a, err := w.Claim(ctx, as(jeanne), code); err != nil || a.Membership == nil {
			t.Errorf("%+v, %v", a, err)
		}

		crowded := w.company(known)
		for i := range 5 {
			if _, err := w.attach(w.person(fmt.Sprintf("p%d", i)), crowded); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.TellStepUps(ctx); err != nil {
			t.Fatal(err)
		}
		later := 0
		for _, l := range storetest.Outbox(t, w.db, contact) {
			if l.Kind == portique.LetterClaimCode && l.RunAt.After(w.watch.Now()) {
				later++
			}
		}
		if later != 2 {
			t.Errorf("%d of 5 letters leave later", later)
		}
	})
}

// Who cancels and asks again, three times within a day at most, floods neither the administrators, nor the operator, nor themself.
func TestAskedAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		siren := w.company()
		anne, luc := w.person("anne"), w.person("luc")
		storetest.Member(t, w.db, anne, siren, portique.Administrator)
		w.disable(anne) // nobody is left: each request goes to the operator
		for range 3 {
			r := w.asks(luc, siren)
			if _, err := w.Cancel(t.Context(), as(luc), r.ID); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.attach(luc, siren)
		w.want("the fourth", err, refusal("throttle.requests"))
		var refused *portique.Error
		if errors.As(err, &refused); !refused.RetryAt.Equal(w.watch.Now().Add(day)) {
			t.Errorf("until %v", refused.RetryAt)
		}
		if n := strings.Count(w.letters(), "operator_escalated>aide"); n != 3 {
			t.Errorf("%d letters to the operator", n)
		}
		w.watch.Forward(day)
		w.asks(luc, siren)
	})
}

package account_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"portique"
	"portique/internal/account"
	"portique/internal/mail"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// The model: three browsers sign up for two addresses. Every act returns the key of its refusal, "" when it is done, and notes the
// letters and the lines of the journal that it owes.
type model struct {
	now      time.Time
	accounts map[string]string // password, by address
	signUps  []*modelSignUp
	resets   []*modelReset
	slots    map[string][]time.Time // when letters to an address leave, by sort and address
	waiting  map[string]time.Time   // when a reset letter leaves later, by address and what it is about
	letters  []string               // of the act under way
	journal  []string
}

type modelSignUp struct {
	email, password      string
	made                 time.Time
	linkUntil, codeUntil time.Time
	taken, ended, won    bool // won: it became the account
	purged               bool
	codeTries, tries     int
	disownTries          int
	wrongPasswords       []time.Time // from other browsers

	links        map[string]string // by address, as far as a letter told
	code, disown string            // of the newest letter
}

type modelReset struct {
	email, token string
	until        time.Time
	made         time.Time
	used         bool
}

func (m *model) write(action portique.Action) { m.journal = append(m.journal, string(action)) }

func (m *model) mail(kind portique.LetterKind, email string) {
	m.letters = append(m.letters, string(kind)+">"+email)
}

// recent are the slots of the last hour and those to come.
func (m *model) recent(key string) []time.Time {
	return slices.DeleteFunc(slices.Clone(m.slots[key]), func(t time.Time) bool { return !t.Add(hour).After(m.now) })
}

// slot is when one more letter leaves: three an hour, the others later.
func (m *model) slot(key string) time.Time {
	if recent := m.recent(key); len(recent) >= 3 {
		return recent[len(recent)-3].Add(hour)
	}
	return m.now
}

// open are the sign-ups of an address that nothing ended.
func (m *model) open(email string) (list []*modelSignUp) {
	for _, s := range m.signUps {
		if s.email == email && !s.ended && !s.purged {
			list = append(list, s)
		}
	}
	return list
}

// prove posts a letter with a link and new codes, or the one to the owner of a taken address.
func (m *model) prove(s *modelSignUp, email string) string {
	leaves := m.slot("sign-up " + email)
	if leaves.Sub(m.now) > 12*hour {
		return "throttle.letters"
	}
	m.slots["sign-up "+email] = append(m.slots["sign-up "+email], leaves)
	s.email, s.linkUntil, s.codeUntil, s.codeTries = email, leaves.Add(24*hour), leaves.Add(15*time.Minute), 0
	s.code, s.disown = "", "" // the test reads the letter
	if _, s.taken = m.accounts[email]; s.taken {
		m.mail(portique.LetterAccountExists, email)
	} else {
		m.mail(portique.LetterValidation, email)
	}
	return ""
}

func (m *model) signUp(s *modelSignUp, email string) string {
	s.made = m.now
	if refused := m.prove(s, email); refused != "" {
		return refused
	}
	m.signUps = append(m.signUps, s)
	if s.taken {
		m.write(portique.ActionSignUpTaken)
	} else {
		m.write(portique.ActionSignedUp)
	}
	return ""
}

// mine is what the cookie of a browser still finds.
func (m *model) mine(s *modelSignUp) string {
	switch {
	case s.purged, m.now.After(s.made.Add(7 * 24 * hour)):
		return "signup.unknown"
	case s.won:
		return "signup.already_validated"
	case s.ended:
		return "signup.unknown"
	}
	return ""
}

func (m *model) resend(s *modelSignUp) string {
	if refused := m.mine(s); refused != "" {
		return refused
	}
	if len(m.recent("sign-up "+s.email)) >= 3 {
		return "throttle.letters"
	}
	m.write(portique.ActionResent)
	return m.prove(s, s.email)
}

func (m *model) correct(s *modelSignUp, email string) string {
	if refused := m.mine(s); refused != "" {
		return refused
	}
	refused := m.prove(s, email)
	if refused == "" {
		m.write(portique.ActionAddressCorrected)
	}
	return refused
}

func (m *model) typeCode(s *modelSignUp, code string) string {
	refused := m.mine(s)
	switch {
	case refused != "":
		return refused
	case s.tries >= 10:
		return "signup.code_budget"
	case s.codeTries >= 5:
		return "signup.code_tries"
	case !m.now.Before(s.codeUntil):
		return "signup.code_expired"
	case code != s.code, s.taken:
		s.codeTries++
		s.tries++
		m.write(portique.ActionCodeFailed)
		return "signup.code_wrong"
	}
	m.become(s)
	return ""
}

// become makes the account; whoever else signed up for the address did so in vain.
func (m *model) become(s *modelSignUp) {
	m.own(s.email, s.password)
	s.ended, s.won, s.taken = true, true, false
}

func (m *model) own(email, password string) {
	m.accounts[email] = password
	for _, s := range m.open(email) {
		s.taken = true
	}
	m.write(portique.ActionValidated)
}

// byLink is the sign-up that a link finds: that of its present address.
func (m *model) byLink(link string) *modelSignUp {
	for _, s := range m.signUps {
		if !s.purged && s.links[s.email] == link {
			return s
		}
	}
	return nil
}

func (m *model) validate(link, password string, same *modelSignUp) string {
	s := m.byLink(link)
	switch {
	case s == nil:
		return "signup.link_unknown"
	case s.won:
		return "signup.already_validated"
	case s.ended, s.taken:
		return "signup.link_unknown"
	case !m.now.Before(s.linkUntil):
		return "signup.link_expired"
	case s == same:
	case password == "":
		return "signup.password_missing"
	case m.guessing(s):
		return "throttle.sign_in"
	case password != s.password:
		s.wrongPasswords = append(s.wrongPasswords, m.now)
		return "signup.password_wrong"
	}
	m.become(s)
	return ""
}

// guessing: after five wrong passwords a minute passes before the next, then two, then four, up to an hour; 25 in a day.
func (m *model) guessing(s *modelSignUp) bool {
	recent := slices.DeleteFunc(slices.Clone(s.wrongPasswords), func(t time.Time) bool { return !t.Add(24 * hour).After(m.now) })
	n := len(recent)
	if n < 5 || n >= 25 {
		return n >= 25
	}
	wait := time.Minute
	for range n - 5 {
		wait = min(2*wait, hour)
	}
	return m.now.Before(recent[n-1].Add(wait))
}

func (m *model) disownBy(link, code string) string {
	s := m.byLink(link)
	switch {
	case s == nil:
		return "signup.link_unknown"
	case s.won:
		return "signup.already_validated"
	case s.ended:
		return "signup.link_unknown"
	case s.disownTries >= 10:
		return "signup.code_budget"
	case code != s.disown:
		s.disownTries++
		m.write(portique.ActionCodeFailed)
		return "signup.code_wrong"
	}
	s.ended = true
	m.write(portique.ActionSignUpDisowned)
	return ""
}

func (m *model) forgot(email string) {
	about := "account " + email
	if _, has := m.accounts[email]; !has {
		open := m.open(email)
		if len(open) == 0 {
			return
		}
		about = fmt.Sprint("sign-up ", slices.Index(m.signUps, open[len(open)-1]))
	}
	spent := len(m.recent("reset "+email)) >= 3
	if spent && m.waiting[about].After(m.now) {
		return // one will leave that stands for this one too
	}
	leaves := m.slot("reset " + email)
	m.slots["reset "+email] = append(m.slots["reset "+email], leaves)
	if spent {
		m.waiting[about] = leaves
	} else {
		m.spend(email)
	}
	m.resets = append(m.resets, &modelReset{email: email, made: m.now, until: leaves.Add(30 * time.Minute)})
	m.mail(portique.LetterReset, email)
	m.write(portique.ActionResetAsked)
}

func (m *model) spend(email string) {
	for _, r := range m.resets {
		if r.email == email {
			r.used = true
		}
	}
}

func (m *model) reset(r *modelReset, password string) string {
	switch {
	case r.used:
		return "reset.unknown"
	case !m.now.Before(r.until):
		return "reset.expired"
	}
	m.spend(r.email)
	if _, has := m.accounts[r.email]; has {
		m.accounts[r.email] = password
		m.mail(portique.LetterPasswordChanged, r.email)
		m.write(portique.ActionPasswordReset)
		return ""
	}
	if len(m.open(r.email)) == 0 {
		return "reset.unknown" // disowned, corrected or purged meanwhile
	}
	m.own(r.email, password)
	return ""
}

func (m *model) purge() {
	before := m.now.Add(-7 * 24 * hour)
	for _, s := range m.signUps {
		s.purged = s.purged || s.made.Before(before)
	}
	for _, r := range m.resets {
		r.used = r.used || r.made.Before(before)
	}
}

const hour = time.Hour

// Whatever several people do with sign-ups of the same addresses, in any order and at any hour, one of them gets the account, with
// their own password; what is spent, replaced, disowned or too old never works again, and guessing has its budgets.
func TestSignUpLikeTheModel(t *testing.T) {
	storetest.Property(t, 16, 60, func(t *rapid.T, db *store.DB, watch *storetest.Watch) {
		w := &machine{Service: account.New(db, storetest.Keys(), hasher(), storetest.PasswordRule(portique.PolicyGuide), authURL), db: db,
			m:     &model{now: watch.Now(), accounts: map[string]string{}, slots: map[string][]time.Time{}, waiting: map[string]time.Time{}},
			lines: map[string]int{}, seen: map[string]bool{}, ids: map[*modelSignUp]string{}, cookies: map[*modelSignUp]string{}, verified: map[string]string{}}
		signUp := func(t *rapid.T) {
			b, email := w.browser(t), w.email(t)
			s := &modelSignUp{password: w.newPassword(), links: map[string]string{}}
			w.same(t, w.m.signUp(s, email), func() (err error) {
				w.cookies[s], err = w.SignUp(t.Context(), w.actor(), form(func(f *account.Form) {
					f.Email, f.EmailConfirmation, f.Password, f.PasswordConfirmation = email, email, s.password, s.password
				}))
				w.ids[s], _, _ = strings.Cut(w.cookies[s], ".")
				return err
			})
			w.browsers[b] = s
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            w.check,
			"sign up":     signUp,
			"sign up too": signUp, // what everything begins with
			"resend": func(t *rapid.T) {
				s := w.mine(t)
				w.same(t, w.m.resend(s), func() error { return w.Resend(t.Context(), w.actor(), w.cookies[s]) })
			},
			"correct the address": func(t *rapid.T) {
				s, email := w.mine(t), w.email(t)
				w.same(t, w.m.correct(s, email), func() error { return w.CorrectAddress(t.Context(), w.actor(), w.cookies[s], email) })
			},
			"type the code": func(t *rapid.T) {
				s := w.mine(t)
				code := w.pickCode(t, s.code)
				w.same(t, w.m.typeCode(s, code), func() error { return w.TypeCode(t.Context(), w.actor(), w.cookies[s], code) })
			},
			"guess on": func(t *rapid.T) { // over new letters, which refill nothing but the tries of a code
				s := w.mine(t)
				for range rapid.IntRange(1, 3).Draw(t, "letters") {
					for range rapid.IntRange(4, 6).Draw(t, "times") {
						w.same(t, w.m.typeCode(s, wrong(s.code)), func() error { return w.TypeCode(t.Context(), w.actor(), w.cookies[s], wrong(s.code)) })
					}
					w.same(t, w.m.resend(s), func() error { return w.Resend(t.Context(), w.actor(), w.cookies[s]) })
				}
			},
			"open the link": func(t *rapid.T) {
				link, b := w.link(t), w.browser(t)
				password := rapid.SampledFrom([]string{"right", "right", "another's", "none"}).Draw(t, "password")
				switch s := w.m.byLink(link); {
				case password == "none":
					password = ""
				case password == "right" && s != nil:
					password = s.password
				default:
					password = "Autre!Porte99"
				}
				cookie := w.cookies[w.browsers[b]]
				if _, err := w.OpenLink(t.Context(), link, cookie); err != nil && portique.KindOf(err) != portique.Invalid { // changes nothing
					t.Fatal(err)
				}
				w.same(t, w.m.validate(link, password, w.browsers[b]), func() error { return w.Validate(t.Context(), w.actor(), link, password, cookie) })
			},
			"not me": func(t *rapid.T) {
				link := w.link(t)
				code := "123456"
				if s := w.m.byLink(link); s != nil {
					code = w.pickCode(t, s.disown)
				}
				w.same(t, w.m.disownBy(link, code), func() error { return w.Disown(t.Context(), w.actor(), link, code) })
			},
			"forgot": func(t *rapid.T) {
				email := w.email(t)
				w.m.forgot(email)
				w.same(t, "", func() error { return forgot(t.Context(), w.Service, w.actor(), email) })
			},
			"reset": func(t *rapid.T) {
				if len(w.m.resets) == 0 {
					t.Skip("nobody forgot")
				}
				r := w.m.resets[rapid.IntRange(0, len(w.m.resets)-1).Draw(t, "reset")]
				password := w.newPassword()
				w.same(t, w.m.reset(r, password), func() error {
					_, err := w.ResetPassword(t.Context(), w.actor(), r.token, account.Form{Password: password, PasswordConfirmation: password,
						FirstName: "Jeanne", LastName: "Martin"})
					return err
				})
			},
			"time": func(t *rapid.T) {
				watch.Forward(time.Duration(rapid.SampledFrom([]int{1, 5, 16, 31, 60, 13 * 60, 25 * 60, 8 * 24 * 60}).Draw(t, "minutes")) * time.Minute)
				w.m.now = watch.Now()
			},
			"purge": func(t *rapid.T) {
				w.m.purge()
				w.same(t, "", func() error { return w.Purge(t.Context()) })
			},
		})
	})
}

// machine drives the service and the model side by side.
type machine struct {
	*account.Service
	db        *store.DB
	m         *model
	browsers  [3]*modelSignUp // the newest sign-up of each
	ids       map[*modelSignUp]string
	cookies   map[*modelSignUp]string
	links     []string // of every letter there was
	codes     []string
	acts      int
	passwords int
	seen      map[string]bool   // letters
	lines     map[string]int    // of the journal, read so far, by subject
	verified  map[string]string // password that was tried last, by address
}

// actor comes from elsewhere each time: the budgets of a source have a test of their own.
func (w *machine) actor() portique.Actor {
	w.acts++
	return portique.Actor{Door: portique.DoorAuth, Source: fmt.Sprintf("10.0.%d.%d", w.acts/250, w.acts%250), Language: "fr"}
}

func (w *machine) newPassword() string {
	w.passwords++
	return fmt.Sprintf("Soleil!Tapis%03d", w.passwords)
}

func (w *machine) browser(t *rapid.T) int {
	return rapid.IntRange(0, len(w.browsers)-1).Draw(t, "browser")
}

func (w *machine) email(t *rapid.T) string {
	return rapid.SampledFrom([]string{"anne@shop.example", "bruno@shop.example"}).Draw(t, "address")
}

func (w *machine) mine(t *rapid.T) *modelSignUp {
	s := w.browsers[w.browser(t)]
	if s == nil || w.cookies[s] == "" {
		t.Skip("nobody signed up here")
	}
	return s
}

// link is one of any letter, dead or alive.
func (w *machine) link(t *rapid.T) string {
	if len(w.links) == 0 {
		t.Skip("no letter left")
	}
	return w.links[len(w.links)-1-rapid.IntRange(0, len(w.links)-1).Draw(t, "link, newest first")]
}

// pickCode is mostly the right one, or one of any other letter, older or another's.
func (w *machine) pickCode(t *rapid.T, right string) string {
	if right != "" && rapid.IntRange(0, 2).Draw(t, "right") == 0 || len(w.codes) == 0 {
		if right == "" {
			return "123456"
		}
		return right
	}
	return w.codes[rapid.IntRange(0, len(w.codes)-1).Draw(t, "code of letter")]
}

// same does what the model has just done, and compares the refusal, the letters and the journal.
func (w *machine) same(t *rapid.T, want string, act func() error) {
	t.Helper()
	if got := storetest.Refusal(act()); got != want {
		t.Fatalf("refused with %q, want %q", got, want)
	}
	letters, journal := w.newLetters(t), w.newLines(t)
	if want := w.m.letters; !slices.Equal(letters, want) {
		t.Fatalf("letters %q, want %q", letters, want)
	}
	if want := w.m.journal; !slices.Equal(journal, want) {
		t.Fatalf("journal %q, want %q", journal, want)
	}
	w.m.letters, w.m.journal = nil, nil
}

// newLetters also learns the links and codes they carry.
func (w *machine) newLetters(t *rapid.T) (news []string) {
	for _, l := range storetest.Outbox(t, w.db, "") {
		if w.seen[l.ID] {
			continue
		}
		w.seen[l.ID] = true
		if err := mail.Check(l); err != nil {
			t.Error(err)
		}
		news = append(news, string(l.Kind)+">"+l.To)
		_, token, _ := strings.Cut(l.Secret["link"], "token=")
		switch l.Kind {
		case portique.LetterReset:
			w.m.resets[len(w.m.resets)-1].token = token
		case portique.LetterValidation:
			for s, id := range w.ids {
				if id == l.About {
					s.links[l.To], s.code, s.disown = token, l.Secret["code"], l.Secret["disown_code"]
				}
			}
			if !slices.Contains(w.links, token) {
				w.links = append(w.links, token)
			}
			w.codes = append(w.codes, l.Secret["disown_code"])
			if code := l.Secret["code"]; code != "" {
				w.codes = append(w.codes, code)
			}
		}
	}
	return news
}

func (w *machine) newLines(t *rapid.T) (news []string) {
	accounts, err := w.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, id := range w.ids {
		subjects = append(subjects, id)
	}
	for _, a := range accounts {
		if a.Status != portique.AccountUnvalidated {
			subjects = append(subjects, a.ID)
		}
	}
	for _, subject := range subjects {
		lines := storetest.Journal(t, w.db, subject)
		for _, e := range lines[w.lines[subject]:] {
			news = append(news, string(e.Action))
		}
		w.lines[subject] = len(lines)
	}
	return news
}

// check compares what the operator would list with the model, and tries the passwords.
func (w *machine) check(t *rapid.T) {
	list, err := w.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, a := range list {
		got = append(got, a.Email+" "+string(a.Status))
		if password := w.m.accounts[a.Email]; a.Status == portique.AccountActive && w.verified[a.Email] != password {
			if ok, err := hasher().Verify(t.Context(), a.PasswordHash, password); err != nil || !ok {
				t.Errorf("%s does not open the account of %s: %v", password, a.Email, err)
			}
			w.verified[a.Email] = password
		}
	}
	for email := range w.m.accounts {
		want = append(want, email+" active")
	}
	for _, s := range w.m.signUps {
		if !s.ended && !s.purged && !s.taken {
			want = append(want, s.email+" unvalidated")
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("accounts and sign-ups %q, want %q", got, want)
	}
}

package access_test

import (
	"maps"
	"slices"
	"time"

	"portique"
)

// The model: what must become of a few people and companies, in plain Go. Every act returns the key of its refusal, "" when it is
// done, and notes the letters and the lines of the journal that it owes. It takes no lock and knows no database.
type model struct {
	now     time.Time
	people  []*modelPerson
	firms   []*modelFirm
	seats   []*modelSeat // in the order in which they were opened
	asks    []*modelAsk  // in the order in which they were made
	proofs  []*modelProof
	second  bool     // policy code+contact: a second proof before a first access
	letters []string // of the act under way: "request_sent>anne"
	journal []string // of the act under way: "access.requested"
}

type modelPerson struct {
	name          string
	contributions bool
	disabled      bool
	wrong         map[*modelFirm][]time.Time // member codes
	told          []time.Time                // letters about requests, some still to leave
	reminded      []time.Time                // reminders, likewise
}

type modelFirm struct {
	contact  string // "" when none is known
	first    *modelPerson
	claim    *modelClaim
	forced   bool // the operator took its last administrator away
	alerted  time.Time
	digested map[*modelPerson]time.Time // when a letter that stands for many leaves
}

type modelClaim struct {
	seat   *modelSeat
	status portique.FirstClaimStatus
	since  time.Time
	tries  int
}

// modelProof is a second proof; its member code was right.
type modelProof struct {
	person *modelPerson
	firm   *modelFirm
	made   time.Time
	status portique.StepUpStatus
	told   bool
	code   string // in the letter to the known contact
	tries  int
}

type modelSeat struct {
	person *modelPerson
	firm   *modelFirm
	role   portique.Role
	since  time.Time
	until  time.Time
	ended  bool
}

type modelAsk struct {
	person                        *modelPerson
	firm                          *modelFirm
	status                        portique.RequestStatus
	made, reminded, auto, decided time.Time
	escalated                     bool
	hastened                      time.Time // the timetable looks at it from then on, whatever its dates
}

// -- what is true now ------------------------------------------------------------------------------------------------------

func (m *model) active(s *modelSeat) bool {
	return s != nil && !s.ended && !s.person.disabled && (s.until.IsZero() || m.now.Before(s.until))
}

// seat is the access that somebody has and that nobody ended, nil without one.
func (m *model) seat(p *modelPerson, f *modelFirm) *modelSeat {
	for _, s := range m.seats {
		if s.person == p && s.firm == f && !s.ended {
			return s
		}
	}
	return nil
}

func (m *model) administrators(f *modelFirm, but ...*modelPerson) (list []*modelPerson) {
	for _, s := range m.seats {
		if s.firm == f && s.role == portique.Administrator && m.active(s) && !slices.Contains(but, s.person) {
			list = append(list, s.person)
		}
	}
	return list
}

func (m *model) last(p *modelPerson, f *modelFirm) *modelAsk {
	for _, a := range slices.Backward(m.asks) {
		if a.person == p && a.firm == f {
			return a
		}
	}
	return nil
}

// frozen and watched are what a first claim holds back.
func (f *modelFirm) frozen() bool {
	return f.claim != nil && f.claim.status == portique.FirstClaimContested
}

func (m *model) watched(f *modelFirm) bool {
	return f.claim != nil && f.claim.status == portique.FirstClaimWatched && m.now.Before(portique.WatchedUntil(f.claim.since))
}

// lastOne says whether a company would lose its last administrator with that access.
func (m *model) lastOne(s *modelSeat) bool {
	return s.role == portique.Administrator && m.active(s) && len(m.administrators(s.firm, s.person)) == 0
}

// expires is 30 days after the administrators were last told.
func (a *modelAsk) expires() time.Time {
	last := a.made
	for _, t := range []time.Time{a.reminded, a.auto} {
		if t.After(last) {
			last = t
		}
	}
	return last.Add(30 * day)
}

func (m *model) expired(a *modelAsk) bool { return !m.now.Before(a.expires()) }

func (m *model) waits(a *modelAsk) bool { return a.status == portique.RequestPending && !m.expired(a) }

// nextAuto is the reminder at three or seven days, unless the person's own was less than a day before it, or later.
func (a *modelAsk) nextAuto() (at time.Time, any bool) {
	for _, days := range []time.Duration{3, 7} {
		at := a.made.Add(days * day)
		if a.auto.Before(at) && !a.reminded.Add(day).After(at) {
			return at, true
		}
	}
	return time.Time{}, false
}

// due is when the timetable next looks at a request.
func (a *modelAsk) due() time.Time {
	if !a.hastened.IsZero() {
		return a.hastened
	}
	at := a.expires()
	if auto, any := a.nextAuto(); any && auto.Before(at) {
		at = auto
	}
	if escalation := a.made.Add(14 * day); !a.escalated && escalation.Before(at) {
		at = escalation
	}
	return at
}

// -- what an act owes ------------------------------------------------------------------------------------------------------

func (m *model) write(action portique.Action) { m.journal = append(m.journal, string(action)) }

func (m *model) mail(kind portique.LetterKind, to ...*modelPerson) {
	for _, p := range to {
		m.letters = append(m.letters, string(kind)+">"+p.name)
	}
}

func (m *model) mailTo(kind portique.LetterKind, to string) {
	m.letters = append(m.letters, string(kind)+">"+to)
}

// within counts the times of the last hours, and those to come.
func (m *model) within(times []time.Time, window time.Duration) int {
	n := 0
	for _, t := range times {
		if t.Add(window).After(m.now) {
			n++
		}
	}
	return n
}

// tell writes to the administrators about a request: three letters and three reminders an hour each, then one later for all that
// come, and one alert a day to the operator.
func (m *model) tell(kind portique.LetterKind, f *modelFirm) {
	for _, p := range m.administrators(f) {
		told := &p.told
		if kind == portique.LetterRequestReminder {
			told = &p.reminded
		}
		if m.within(*told, hour) < 3 {
			*told = append(*told, m.now)
			m.mail(kind, p)
			continue
		}
		if !f.digested[p].After(m.now) {
			leaves := (*told)[len(*told)-3].Add(hour)
			*told, f.digested[p] = append(*told, leaves), leaves
			m.mail(portique.LetterRequestDigest, p)
		}
		if f.alerted.IsZero() || !f.alerted.Add(day).After(m.now) {
			f.alerted = m.now
			m.write(portique.ActionThrottled)
			m.mailTo(portique.LetterOperatorAlert, "aide")
		}
	}
}

func (m *model) escalate(a *modelAsk) {
	if !a.escalated {
		a.escalated = true
		m.write(portique.ActionRequestEscalated)
		m.mailTo(portique.LetterOperator, "aide")
		m.mail(portique.LetterEscalated, a.person)
	}
}

// -- attaching -------------------------------------------------------------------------------------------------------------

func (m *model) attach(p *modelPerson, f *modelFirm, right bool) string {
	all := slices.Concat(slices.Collect(maps.Values(p.wrong))...)
	switch {
	case m.within(all, hour) >= 5, m.within(all, day) >= 20, m.within(p.wrong[f], day) >= 5:
		return "throttle.member_code"
	case !right:
		p.wrong[f] = append(p.wrong[f], m.now)
		m.write(portique.ActionAttachFailed)
		return "access.attach.no_match"
	case p.disabled:
		return "session.none"
	}
	return m.admit(p, f, false)
}

// admit gives what a right member code leads to; proved: and a second proof.
func (m *model) admit(p *modelPerson, f *modelFirm, proved bool) string {
	if s := m.seat(p, f); m.active(s) {
		return "access.attach.already_member"
	} else if s != nil {
		m.lapse(s)
	}
	switch a := m.last(p, f); {
	case a == nil:
	case a.status == portique.RequestPending && m.expired(a):
		a.status = portique.RequestExpired
		m.write(portique.ActionRequestExpired)
	case a.status == portique.RequestPending:
		return "access.attach.already_pending"
	case a.status == portique.RequestRefused && m.now.Before(a.decided.Add(day)):
		return "access.attach.refused_recently"
	}
	switch {
	case f.first != nil:
		return m.request(p, f)
	case m.second && !proved:
		m.write(portique.ActionStepUpAsked)
		for _, q := range m.proofs {
			if q.person == p && q.firm == f && q.status == portique.StepUpWaiting {
				if m.now.Before(q.made.Add(day)) {
					return "" // it stays the one it was, with its code and its tries
				}
				q.status, q.told = portique.StepUpReplaced, true
			}
		}
		m.proofs = append(m.proofs, &modelProof{person: p, firm: f, made: m.now, status: portique.StepUpWaiting})
	case p.contributions:
		m.sit(p, f, portique.Declarant, m.now.Add(90*day))
		m.mail(portique.LetterAccessOpened, p)
		if f.contact != "" && !proved {
			m.mailTo(portique.LetterFirstDeclarant, f.contact)
		}
		m.write(portique.ActionDeclarantAttached)
	default:
		s := m.sit(p, f, portique.Administrator, time.Time{})
		if !proved {
			f.claim = &modelClaim{seat: s, status: portique.FirstClaimWatched, since: m.now}
			m.mailContact(portique.LetterFirstClaim, f)
		}
		m.mail(portique.LetterAdministrator, p)
		m.write(portique.ActionFirstAdministrator)
	}
	return ""
}

// mailContact writes to the known contact, or to the operator for want of one.
func (m *model) mailContact(kind portique.LetterKind, f *modelFirm) {
	if f.contact != "" {
		m.mailTo(kind, f.contact)
	} else {
		m.mailTo(portique.LetterOperatorClaim, "aide")
	}
}

// -- the second proof ------------------------------------------------------------------------------------------------------

// waiting are what a person has still to prove.
func (m *model) waiting(p *modelPerson) (list []*modelProof) {
	for _, q := range m.proofs {
		if q.person == p && q.status == portique.StepUpWaiting && m.now.Before(q.made.Add(30*day)) {
			list = append(list, q)
		}
	}
	return list
}

func (m *model) takesCode(q *modelProof) bool { return q.tries < 5 && m.now.Before(q.made.Add(day)) }

func (m *model) tellProofs() string {
	for _, q := range m.proofs {
		if !q.told && q.status == portique.StepUpWaiting {
			m.mailContact(portique.LetterClaimCode, q.firm)
		}
		q.told = true
	}
	return ""
}

func (m *model) proveBy(p *modelPerson, code string) string {
	waiting := m.waiting(p)
	if len(waiting) == 0 {
		return "claim.none"
	}
	for _, q := range waiting {
		if q.code == code && m.takesCode(q) {
			if p.disabled {
				return "session.none"
			}
			q.status = portique.StepUpAccepted
			m.write(portique.ActionStepUpPassed)
			return m.admit(p, q.firm, true)
		}
	}
	refused := "claim.code_over"
	for _, q := range waiting {
		if m.takesCode(q) {
			q.tries++
			m.write(portique.ActionStepUpFailed)
			refused = "claim.code_wrong"
		}
	}
	return refused
}

// vouch is the operator's word on a second proof. What cannot be given leaves it waiting.
func (m *model) vouch(q *modelProof, accept bool) string {
	a := m.last(q.person, q.firm)
	switch {
	case q.status != portique.StepUpWaiting:
		return "claim.settled"
	case !accept:
		q.status = portique.StepUpRefused
		m.mail(portique.LetterClaimRefused, q.person)
		m.write(portique.ActionStepUpRefused)
		return ""
	case q.person.disabled:
		return "session.none"
	case m.active(m.seat(q.person, q.firm)):
		return "access.attach.already_member"
	case a != nil && m.waits(a):
		return "access.attach.already_pending"
	case a != nil && a.status == portique.RequestRefused && m.now.Before(a.decided.Add(day)):
		return "access.attach.refused_recently"
	}
	q.status = portique.StepUpAccepted
	m.write(portique.ActionStepUpPassed)
	return m.admit(q.person, q.firm, true)
}

func (m *model) lapse(s *modelSeat) {
	s.ended = true
	m.write(portique.ActionAccessLapsed)
}

func (m *model) sit(p *modelPerson, f *modelFirm, role portique.Role, until time.Time) *modelSeat {
	s := &modelSeat{person: p, firm: f, role: role, since: m.now, until: until}
	m.seats = append(m.seats, s)
	if role == portique.Administrator && f.first == nil {
		f.first = p
	}
	return s
}

func (m *model) request(p *modelPerson, f *modelFirm) string {
	asked := 0
	for _, a := range m.asks {
		if a.person == p && a.firm == f && a.made.Add(day).After(m.now) {
			asked++
		}
	}
	if asked >= 3 {
		return "throttle.requests"
	}
	a := &modelAsk{person: p, firm: f, status: portique.RequestPending, made: m.now}
	m.asks = append(m.asks, a)
	m.write(portique.ActionRequested)
	if len(m.administrators(f)) == 0 {
		m.escalate(a)
		return ""
	}
	m.tell(portique.LetterRequestReceived, f)
	m.mail(portique.LetterRequestSent, p)
	return ""
}

// -- what the person does with a request -----------------------------------------------------------------------------------

func (m *model) remind(a *modelAsk) string {
	switch {
	case !m.waits(a):
		return "access.request.closed"
	case a.reminded.Add(day).After(m.now):
		return "access.remind.too_soon"
	}
	a.reminded, a.hastened = m.now, time.Time{}
	if len(m.administrators(a.firm)) == 0 {
		m.escalate(a)
	} else {
		m.tell(portique.LetterRequestReminder, a.firm)
	}
	m.write(portique.ActionReminded)
	return ""
}

func (m *model) cancel(a *modelAsk) string {
	if a.status != portique.RequestPending {
		return "access.request.closed"
	}
	a.status = portique.RequestCancelled
	for _, p := range m.administrators(a.firm) {
		if m.within(p.told, hour) < 3 {
			m.mail(portique.LetterRequestCancel, p)
		}
	}
	m.write(portique.ActionRequestCancelled)
	return ""
}

func (m *model) again(a *modelAsk) string {
	s := m.seat(a.person, a.firm)
	switch {
	case a.status != portique.RequestExpired, m.last(a.person, a.firm) != a:
		return "access.request.closed"
	case a.person.disabled:
		return "session.none"
	case m.active(s):
		return "access.attach.already_member"
	case s != nil:
		m.lapse(s)
	}
	return m.request(a.person, a.firm)
}

// -- what administrators do ------------------------------------------------------------------------------------------------

func (m *model) accept(by *modelPerson, f *modelFirm, a *modelAsk, role portique.Role, until time.Time) string {
	s := m.seat(a.person, a.firm)
	switch {
	case !slices.Contains(m.administrators(f), by):
		return "company.unknown"
	case a.firm != f:
		return "access.request.unknown"
	case f.frozen():
		return "claim.frozen"
	case role == portique.Administrator && m.watched(f):
		return "claim.watched"
	case !m.waits(a):
		return "access.request.closed"
	case role == portique.Administrator && !until.IsZero():
		return "membership.administrator_until"
	case m.active(s):
		return "access.already_member"
	case s != nil:
		m.lapse(s)
	}
	m.sit(a.person, f, role, until)
	a.status = portique.RequestAccepted
	m.mail(portique.LetterRequestAccepted, a.person)
	m.mail(portique.LetterRequestHandled, m.administrators(f, by, a.person)...)
	m.write(portique.ActionRequestAccepted)
	return ""
}

func (m *model) refuse(by *modelPerson, f *modelFirm, a *modelAsk) string {
	switch {
	case !slices.Contains(m.administrators(f), by):
		return "company.unknown"
	case a.firm != f:
		return "access.request.unknown"
	case f.frozen():
		return "claim.frozen"
	case !m.waits(a):
		return "access.request.closed"
	}
	a.status, a.decided = portique.RequestRefused, m.now
	m.mail(portique.LetterRequestRefused, a.person)
	m.mail(portique.LetterRequestHandled, m.administrators(f, by, a.person)...)
	m.write(portique.ActionRequestRefused)
	return ""
}

// mayTouch is what changing or ending an access refuses first. govern: it makes or unmakes an administrator, or takes away.
func (m *model) mayTouch(by *modelPerson, s *modelSeat, govern bool) string {
	switch {
	case !slices.Contains(m.administrators(s.firm), by):
		return "company.unknown"
	case s.ended, !s.until.IsZero() && !m.now.Before(s.until):
		return "membership.ended"
	case by != s.person && s.firm.frozen():
		return "claim.frozen"
	case by != s.person && govern && m.watched(s.firm):
		return "claim.watched"
	}
	return ""
}

// changeRole: a nil until is a form without the date.
func (m *model) changeRole(by *modelPerson, s *modelSeat, role portique.Role, asked *time.Time) string {
	until := s.until
	switch trial := s.role == portique.Declarant && s.until.Equal(s.since.Add(portique.DeclarantTrial)); {
	case asked == nil && (role == portique.Administrator || role == portique.Member && trial):
		until = time.Time{} // nothing ends an administrator; a declarant's trial is over
	case asked != nil && !asked.IsZero() && !s.until.IsZero() && !s.until.After(*asked) && s.until.After(asked.Add(-day)):
		if role == portique.Administrator { // the day that the form showed
			until = time.Time{}
		}
	case asked != nil:
		until = *asked
	}
	sooner := !until.IsZero() && (s.until.IsZero() || until.Before(s.until))
	govern := role == portique.Administrator || s.role == portique.Administrator
	narrows := s.role == portique.Member && role == portique.Declarant
	if refused := m.mayTouch(by, s, govern || narrows || sooner); refused != "" {
		return refused
	}
	switch {
	case role != portique.Administrator && m.lastOne(s):
		return "membership.last_administrator"
	case role == portique.Administrator && !until.IsZero():
		return "membership.administrator_until"
	case role == s.role && until.Equal(s.until):
		return "membership.same_role"
	}
	was := *s
	s.role, s.until = role, until
	switch {
	case s.person == by:
	case role == portique.Administrator:
		m.mail(portique.LetterAdministrator, s.person)
	default:
		m.mail(portique.LetterRoleChanged, s.person)
	}
	if govern {
		m.mail(portique.LetterRoleChanged, m.administrators(s.firm, by, s.person)...)
	}
	if role != was.role {
		m.write(portique.ActionRoleChanged)
	}
	if !until.Equal(was.until) {
		m.write(portique.ActionUntilChanged)
	}
	return ""
}

func (m *model) remove(by *modelPerson, s *modelSeat) string {
	if refused := m.mayTouch(by, s, true); refused != "" {
		return refused
	}
	if m.lastOne(s) {
		return "membership.last_administrator"
	}
	m.end(s)
	m.mail(portique.LetterAccessEnded, m.administrators(s.firm, by)...)
	return ""
}

func (m *model) end(s *modelSeat) {
	s.ended = true
	m.mail(portique.LetterAccessEnded, s.person)
	m.write(portique.ActionMembershipRemoved)
}

// -- what the known contact says -------------------------------------------------------------------------------------------

func (m *model) contest(f *modelFirm, contest, right bool) string {
	c := f.claim
	switch {
	case c.status != portique.FirstClaimWatched:
		return "claim.answered"
	case !m.watched(f):
		return "claim.over"
	case c.tries >= 10:
		return "claim.code_budget"
	case !right:
		c.tries++
		m.write(portique.ActionCodeFailed)
		return "claim.code_wrong"
	case !contest:
		c.status = portique.FirstClaimConfirmed
		m.write(portique.ActionClaimConfirmed)
		m.mail(portique.LetterClaimConfirmed, c.seat.person)
		return ""
	}
	c.status = portique.FirstClaimContested
	m.write(portique.ActionClaimContested)
	m.mail(portique.LetterClaimContested, c.seat.person)
	m.mailTo(portique.LetterOperatorClaim, "aide")
	return ""
}

// -- what the operator does ------------------------------------------------------------------------------------------------

func (m *model) settle(f *modelFirm, keep bool) string {
	c := f.claim
	if c.status != portique.FirstClaimWatched && c.status != portique.FirstClaimContested {
		return "claim.settled"
	}
	m.write(portique.ActionClaimSettled)
	if f.contact != "" {
		m.mailTo(portique.LetterClaimSettled, f.contact)
	}
	if keep {
		c.status = portique.FirstClaimKept
		m.mail(portique.LetterClaimSettled, c.seat.person)
		return ""
	}
	c.status = portique.FirstClaimEnded
	if !c.seat.ended {
		m.end(c.seat)
	}
	m.leaveAlone(f)
	return ""
}

// leaveAlone: nobody may be left to answer, the timetable looks at what waits at once.
func (m *model) leaveAlone(f *modelFirm) {
	f.forced = true
	for _, a := range m.asks {
		if a.firm == f && a.status == portique.RequestPending {
			a.hastened = m.now
		}
	}
}

func (m *model) grant(p *modelPerson, f *modelFirm, role portique.Role, until time.Time) string {
	s := m.seat(p, f)
	switch {
	case p.disabled:
		return "access.account_gone"
	case role == portique.Administrator && !until.IsZero():
		return "membership.administrator_until"
	case m.active(s):
		return "access.already_member"
	case s != nil:
		m.lapse(s)
	}
	m.sit(p, f, role, until)
	if a := m.last(p, f); a != nil && a.status == portique.RequestPending {
		a.status = portique.RequestAnswered
		m.write(portique.ActionRequestAnswered)
	}
	m.mail(portique.LetterAccessOpened, p)
	m.mail(portique.LetterAccessOpened, m.administrators(f, p)...)
	m.write(portique.ActionMembershipGranted)
	return ""
}

func (m *model) revoke(s *modelSeat) string {
	switch {
	case s.ended:
		return "membership.ended"
	case m.lastOne(s):
		return "membership.last_administrator"
	}
	m.end(s)
	m.mail(portique.LetterAccessEnded, m.administrators(s.firm)...)
	return ""
}

func (m *model) disable(p *modelPerson, force bool) string {
	for _, f := range m.firms {
		if s := m.seat(p, f); s != nil && m.lastOne(s) && !force {
			return "account.only_administrator"
		}
	}
	for _, f := range m.firms {
		if a := m.last(p, f); a != nil && a.status == portique.RequestPending {
			a.status = portique.RequestCancelled
			m.write(portique.ActionRequestCancelled)
		}
		if s := m.seat(p, f); s != nil && m.lastOne(s) {
			m.leaveAlone(f)
		}
	}
	p.disabled = true
	m.write(portique.ActionAccountDisabled)
	return ""
}

func (m *model) enable(p *modelPerson) string {
	p.disabled = false
	m.write(portique.ActionAccountEnabled)
	return ""
}

// -- what the clock does ---------------------------------------------------------------------------------------------------

func (m *model) tick() string {
	var due []*modelAsk
	for _, a := range m.asks {
		if a.status == portique.RequestPending && !m.now.Before(a.due()) {
			due = append(due, a)
		}
	}
	slices.SortStableFunc(due, func(a, b *modelAsk) int { return a.due().Compare(b.due()) })
	for _, a := range due {
		a.hastened = time.Time{}
		if m.expired(a) {
			a.status = portique.RequestExpired
			m.mail(portique.LetterRequestExpired, a.person)
			m.write(portique.ActionRequestExpired)
			continue
		}
		if at, any := a.nextAuto(); any && !m.now.Before(at) {
			a.auto = m.now
			if len(m.administrators(a.firm)) > 0 {
				m.tell(portique.LetterRequestReminder, a.firm)
				m.write(portique.ActionReminded)
			}
		}
		if len(m.administrators(a.firm)) == 0 || !m.now.Before(a.made.Add(14*day)) {
			m.escalate(a)
		}
	}
	return ""
}

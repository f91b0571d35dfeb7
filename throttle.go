package portique

import (
	"net/netip"
	"time"
)

// Budget is how many tries of one sort count against one key (an account, a
// network address, the whole installation) within a window. The time of each
// try is kept, so a budget refills try by try, never at a fixed hour.
type Budget struct {
	Name    string // names the counter in the database; fixed
	Limit   int    // tries within Window
	Window  time.Duration
	Free    int    // tries before each further one waits longer; 0: no such wait
	Refusal string // key of the sentence, which may use RetryAt
}

// The waits of a budget with Free tries: a minute, doubling to an hour (CNIL
// délibération 2022-100, restriction of access).
const (
	firstWait   = time.Minute
	longestWait = time.Hour
)

// The budgets (product.md 5, security.md S3 and S5). Those named Source count
// against a network address and are generous, since a whole company may share
// one. Those named All count over the installation.
var (
	// Failed sign-ins. A browser that signed in to the account before has a
	// budget of its own and is spared the other two, so that a stranger can
	// never lock somebody out.
	BudgetSignIn       = Budget{Name: "sign_in", Limit: 25, Window: 24 * time.Hour, Free: 5, Refusal: "throttle.sign_in"}
	BudgetSignInKnown  = Budget{Name: "sign_in_known", Limit: 25, Window: 24 * time.Hour, Free: 5, Refusal: "throttle.sign_in"}
	BudgetSignInSource = Budget{Name: "sign_in_source", Limit: 100, Window: 10 * time.Minute, Refusal: "throttle.source"}
	BudgetSignInAll    = Budget{Name: "sign_in_all", Limit: 1000, Window: time.Hour, Refusal: "throttle.all"}

	// Sign-ups, and letters that a stranger can ask for by other forms.
	BudgetSignUpSource = Budget{Name: "sign_up_source", Limit: 60, Window: 10 * time.Minute, Refusal: "throttle.source"}
	BudgetLetterSource = Budget{Name: "letter_source", Limit: 60, Window: 10 * time.Minute, Refusal: "throttle.source"}

	// Letters to one address. What exceeds them leaves later, or is merged. Reminders
	// have a budget beside that of first letters: who insists must not silence who
	// asks for the first time.
	BudgetSignUpLetters  = Budget{Name: "sign_up_letters", Limit: 3, Window: time.Hour, Refusal: "throttle.letters"}
	BudgetResetLetters   = Budget{Name: "reset_letters", Limit: 3, Window: time.Hour, Refusal: "throttle.letters"}
	BudgetClaimLetters   = Budget{Name: "claim_letters", Limit: 3, Window: time.Hour}
	BudgetRequestLetters = Budget{Name: "request_letters", Limit: 3, Window: time.Hour}
	BudgetChangeLetters  = Budget{Name: "change_letters", Limit: 3, Window: time.Hour}
	BudgetRemindLetters  = Budget{Name: "remind_letters", Limit: 3, Window: time.Hour}

	// Codes typed from a letter. Past the second one only links work.
	BudgetCodeSource = Budget{Name: "code_source", Limit: 20, Window: time.Hour, Refusal: "throttle.code_source"}
	BudgetCodeAll    = Budget{Name: "code_all", Limit: 100, Window: 24 * time.Hour, Refusal: "throttle.code_all"}

	// Codes that a device shows (RFC 8628 5.1). What they open is somebody else's
	// device, for whoever guesses: there is no account to protect.
	BudgetDeviceSource  = Budget{Name: "device_source", Limit: 20, Window: time.Hour, Refusal: "throttle.source"}
	BudgetDeviceAccount = Budget{Name: "device_account", Limit: 10, Window: time.Hour, Refusal: "throttle.device"}

	// Wrong member codes. The budget of the installation follows from the
	// codes' entropy: GuessBudget.
	BudgetMemberCodeHour    = Budget{Name: "member_code_hour", Limit: 5, Window: time.Hour, Refusal: "throttle.member_code"}
	BudgetMemberCodeDay     = Budget{Name: "member_code_day", Limit: 20, Window: 24 * time.Hour, Refusal: "throttle.member_code"}
	BudgetMemberCodeCompany = Budget{Name: "member_code_company", Limit: 5, Window: 24 * time.Hour, Refusal: "throttle.member_code"}
	BudgetMemberCodeSource  = Budget{Name: "member_code_source", Limit: 20, Window: time.Hour, Refusal: "throttle.source"}

	// Requests of one person for one company: who cancels and asks again writes to
	// everybody again.
	BudgetRequests = Budget{Name: "requests", Limit: 3, Window: 24 * time.Hour, Refusal: "throttle.requests"}

	// An alert to the operator, about one thing.
	BudgetAlert = Budget{Name: "alert", Limit: 1, Window: 24 * time.Hour}
)

// FullMinute is the hour told to somebody who has to wait: never too early by its
// seconds, and the same on pages and in letters.
func FullMinute(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(time.Minute - time.Nanosecond).Truncate(time.Minute)
}

// ThrottleMemory is how long a try is kept: the longest window.
const ThrottleMemory = 24 * time.Hour

// GuessBudget is the installation's budget of wrong member codes in 24 hours,
// for codes of that entropy: at most one wrongful first claim by guessing in a
// hundred years (security.md S5). Past it nothing is refused: a second proof is
// asked from everybody.
func GuessBudget(bits int) Budget {
	limit := 1 << 30 // more than anybody can try
	if bits < 45 {
		limit = max(1, int(float64(uint64(1)<<bits)*0.01/365))
	}
	return Budget{Name: "member_code_all", Limit: limit, Window: 24 * time.Hour}
}

// Next is when one more try is allowed after those taken, oldest first; zero
// means now. Tries older than the window do not count.
func (b Budget) Next(taken []time.Time, now time.Time) time.Time {
	for len(taken) > 0 && !taken[0].Add(b.Window).After(now) {
		taken = taken[1:]
	}
	var next time.Time
	if n := len(taken); n >= b.Limit {
		next = taken[n-b.Limit].Add(b.Window)
	}
	if n := len(taken); b.Free > 0 && n >= b.Free {
		if at := taken[n-1].Add(min(firstWait<<min(n-b.Free, 10), longestWait)); at.After(next) {
			next = at
		}
	}
	if !next.After(now) {
		return time.Time{}
	}
	return next
}

// Slot is when one more letter may leave after those whose times are given,
// oldest first, some of them still to come: now, or when the budget allows it.
func (b Budget) Slot(taken []time.Time, now time.Time) time.Time {
	if n := len(taken); n >= b.Limit {
		if at := taken[n-b.Limit].Add(b.Window); at.After(now) {
			return at
		}
	}
	return now
}

// Refused is the error of a budget that is spent until then.
func (b Budget) Refused(until time.Time) error {
	return &Error{Kind: TooSoon, Key: b.Refusal, RetryAt: until}
}

// SourceKey is what counts as one source of requests: an IPv4 address, or the
// /64 network of an IPv6 one, which is the least that anybody is given.
func SourceKey(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

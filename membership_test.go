package portique_test

import (
	"slices"
	"testing"
	"time"

	"portique"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

func TestGrantTerms(t *testing.T) {
	for name, c := range map[string]struct {
		role   portique.Role
		tools  []string
		until  time.Time
		rights []string
		fault  string
	}{
		"a member, some tools":        {portique.Member, []string{"paie", "stages"}, time.Time{}, []string{"paie", "stages"}, ""},
		"a member, no tool":           {portique.Member, nil, time.Time{}, nil, ""},
		"every tool swallows others":  {portique.Member, []string{"paie", portique.AllTools}, time.Time{}, []string{portique.AllTools}, ""},
		"a member until tomorrow":     {portique.Member, []string{"paie"}, monday.Add(day), []string{"paie"}, ""},
		"a member until yesterday":    {portique.Member, []string{"paie"}, monday.Add(-day), nil, "until membership.until_past"},
		"a member until now":          {portique.Member, []string{"paie"}, monday, nil, "until membership.until_past"},
		"a member, none ticked":       {portique.Member, []string{}, time.Time{}, nil, "tool membership.tools_missing"},
		"a declarant, none ticked":    {portique.Declarant, []string{}, time.Time{}, nil, ""},
		"two faults at once":          {portique.Member, []string{}, monday.Add(-day), nil, "tool membership.tools_missing, until membership.until_past"},
		"a declarant keeps no tool":   {portique.Declarant, []string{"paie", portique.AllTools}, monday.Add(day), nil, ""},
		"a declarant until yesterday": {portique.Declarant, nil, monday.Add(-day), nil, "until membership.until_past"},
		"an administrator":            {portique.Administrator, []string{"paie"}, time.Time{}, nil, ""},
		"an administrator for a time": {portique.Administrator, nil, monday.Add(day), nil, "until membership.administrator_until"},
	} {
		rights, err := portique.GrantTerms(c.role, c.tools, c.until, monday)
		if !slices.Equal(rights, c.rights) || keyOf(err) != c.fault {
			t.Errorf("%s: %v, %v", name, rights, err)
		}
	}
}

func TestUntilAs(t *testing.T) {
	paris := time.FixedZone("Paris", 3600)
	midnight := func(d int) time.Time { return time.Date(2026, 4, d, 0, 0, 0, 0, paris) }
	trial := monday.Add(portique.DeclarantTrial)
	for name, c := range map[string]struct {
		was   portique.Role
		until time.Time
		role  portique.Role
		asked *time.Time
		want  time.Time
	}{
		"nothing said":                        {portique.Member, midnight(10), portique.Declarant, nil, midnight(10)},
		"nothing said, promoted":              {portique.Member, midnight(10), portique.Administrator, nil, time.Time{}},
		"nothing said, a trial":               {portique.Declarant, trial, portique.Member, nil, time.Time{}},
		"nothing said, a trial goes on":       {portique.Declarant, trial, portique.Declarant, nil, trial},
		"nothing said, a declarant's own end": {portique.Declarant, midnight(10), portique.Member, nil, midnight(10)},
		"cleared":                             {portique.Member, midnight(10), portique.Member, new(time.Time{}), time.Time{}},
		"none, and none asked":                {portique.Member, time.Time{}, portique.Member, new(time.Time{}), time.Time{}},
		"given":                               {portique.Member, time.Time{}, portique.Member, new(midnight(10)), midnight(10)},
		"another":                             {portique.Member, midnight(10), portique.Member, new(midnight(11)), midnight(11)},
		"the same":                            {portique.Member, midnight(10), portique.Declarant, new(midnight(10)), midnight(10)},
		"the same, promoted":                  {portique.Member, midnight(10), portique.Administrator, new(midnight(10)), time.Time{}},
		"another, promoted":                   {portique.Member, midnight(10), portique.Administrator, new(midnight(11)), midnight(11)},
		"the day before, promoted":            {portique.Member, midnight(10), portique.Administrator, new(midnight(9)), midnight(9)},
		"an hour of the day shown":            {portique.Declarant, midnight(10).Add(-15 * hour), portique.Declarant, new(midnight(10)), midnight(10).Add(-15 * hour)},
		"the trial's day, a member":           {portique.Declarant, trial, portique.Member, new(time.Date(2026, 6, 1, 0, 0, 0, 0, paris)), trial},
	} {
		m := living(func(m *portique.Membership) { m.Role, m.Since, m.Until = c.was, monday, c.until })
		if got := m.UntilAs(c.role, c.asked); !got.Equal(c.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, c := range map[string]struct {
		was, until time.Time
		sooner     bool
	}{
		"none, none":   {time.Time{}, time.Time{}, false},
		"an end now":   {time.Time{}, midnight(10), true},
		"no end now":   {midnight(10), time.Time{}, false},
		"earlier":      {midnight(10), midnight(9), true},
		"as it is":     {midnight(10), midnight(10), false},
		"a day longer": {midnight(10), midnight(11), false},
	} {
		if m := living(func(m *portique.Membership) { m.Until = c.was }); m.EndsSooner(c.until) != c.sooner {
			t.Errorf("%s: %v", name, !c.sooner)
		}
	}
}

// living is an access that counts, changed by a test.
func living(change func(*portique.Membership)) *portique.Membership {
	m := &portique.Membership{Role: portique.Administrator, Status: portique.MembershipActive, AccountActive: true, CompanyStatus: portique.CompanyActive}
	change(m)
	return m
}

func TestMembershipActive(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*portique.Membership)
		active bool
	}{
		"as it is":              {func(m *portique.Membership) {}, true},
		"until in a moment":     {func(m *portique.Membership) { m.Until = monday.Add(time.Millisecond) }, true},
		"until now":             {func(m *portique.Membership) { m.Until = monday }, false},
		"suspended":             {func(m *portique.Membership) { m.Status = portique.MembershipSuspended }, false},
		"ended":                 {func(m *portique.Membership) { m.Status = portique.MembershipEnded }, false},
		"of a disabled account": {func(m *portique.Membership) { m.AccountActive = false }, false},
	} {
		m := living(c.change)
		if m.Active(monday) != c.active {
			t.Errorf("%s: active = %v", name, !c.active)
		}
		// Only what takes an active administrator away is refused, and only from the last.
		if err := portique.KeepsAdministrator(m, 0, monday); (keyOf(err) == portique.ErrLastAdministrator.Key) != c.active {
			t.Errorf("%s: taking it away: %v", name, err)
		}
		if err := portique.KeepsAdministrator(m, 1, monday); err != nil {
			t.Errorf("%s: one of two: %v", name, err)
		}
		m.Role = portique.Member
		if err := portique.KeepsAdministrator(m, 0, monday); err != nil {
			t.Errorf("%s: a member: %v", name, err)
		}
	}
}

func TestMembershipOpens(t *testing.T) {
	general := &portique.Tool{ID: "stages", Audience: portique.AudienceAll}
	contributions := &portique.Tool{ID: "paie", Audience: portique.AudienceContributions}
	role := func(r portique.Role, rights ...string) func(*portique.Membership) {
		return func(m *portique.Membership) { m.Role, m.Rights = r, rights }
	}
	for name, c := range map[string]struct {
		change           func(*portique.Membership)
		general, declare portique.ClosedReason
	}{
		"an administrator":         {role(portique.Administrator), portique.Open, portique.Open},
		"a declarant":              {role(portique.Declarant), portique.ContributionsOnly, portique.Open},
		"a declarant with rights":  {role(portique.Declarant, portique.AllTools), portique.ContributionsOnly, portique.Open},
		"a member of every tool":   {role(portique.Member, portique.AllTools), portique.Open, portique.Open},
		"a member of one tool":     {role(portique.Member, "stages"), portique.Open, portique.RightMissing},
		"a member of no tool":      {role(portique.Member), portique.RightMissing, portique.RightMissing},
		"suspended":                {func(m *portique.Membership) { m.Status = portique.MembershipSuspended }, portique.AccessSuspended, portique.AccessSuspended},
		"ended":                    {func(m *portique.Membership) { m.Status = portique.MembershipEnded }, portique.AccessEnded, portique.AccessEnded},
		"past its date":            {func(m *portique.Membership) { m.Until = monday }, portique.AccessEnded, portique.AccessEnded},
		"of a closed company":      {func(m *portique.Membership) { m.CompanyStatus = portique.CompanyClosed }, portique.CompanyIsClosed, portique.CompanyIsClosed},
		"of a merged company":      {func(m *portique.Membership) { m.CompanyStatus = portique.CompanyMerged }, portique.CompanyIsClosed, portique.CompanyIsClosed},
		"of a disabled account":    {func(m *portique.Membership) { m.AccountActive = false }, portique.AccessEnded, portique.AccessEnded},
		"of a role from elsewhere": {role("owner"), portique.RightMissing, portique.RightMissing},
	} {
		m := living(c.change)
		if g, d := m.Opens(general, monday), m.Opens(contributions, monday); g != c.general || d != c.declare {
			t.Errorf("%s: %q and %q, want %q and %q", name, g, d, c.general, c.declare)
		}
	}
}

func TestParseRole(t *testing.T) {
	for _, s := range []string{"administrator", "member", "declarant"} {
		if r, err := portique.ParseRole(s); string(r) != s || err != nil {
			t.Errorf("%s: %q, %v", s, r, err)
		}
	}
	for _, s := range []string{"", "Administrator", "owner", "member "} {
		if _, err := portique.ParseRole(s); keyOf(err) != "role role.unknown" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

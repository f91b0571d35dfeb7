package tool_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
	"portique/internal/tool"
)

func example(id string, change ...func(*portique.Tool)) *portique.Tool {
	t := &portique.Tool{ID: id, Name: "Outil " + id, URL: "https://" + id + ".example/", RedirectURIs: []string{"https://" + id + ".example/cb"},
		Audience: portique.AudienceAll, AuthMethod: "client_secret_basic", Algorithm: "ES256"}
	for _, c := range change {
		c(t)
	}
	return t
}

func TestAdd(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := tool.New(db)
		add := func(one *portique.Tool, given string) (string, error) {
			return s.Add(t.Context(), portique.Actor{Door: portique.DoorCommand}, one, given)
		}
		made, err := add(example("paie"), "")
		if err != nil || len(made) < 43 {
			t.Fatalf("%q, %v", made, err)
		}
		if got := storetest.Actions(t, db, "paie"); got != "tool.added" {
			t.Errorf("the journal: %s", got)
		}
		given := strings.Repeat("s", 32)
		if got, err := add(example("stages"), given); got != given || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		public := func(t *portique.Tool) { t.AuthMethod = "none" }
		if got, err := add(example("mobile", public), ""); got != "" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		for name, c := range map[string]struct {
			tool  *portique.Tool
			given string
			want  string
		}{
			"the same id":      {example("paie"), "", portique.ErrToolExists.Key},
			"a short secret":   {example("court"), given[1:], "tool.secret_short"},
			"a needless one":   {example("sans", public), given, "tool.secret_unused"},
			"a faulty address": {example("faux", func(t *portique.Tool) { t.URL = "javascript:1" }), "", "tool.url"},
		} {
			if got, err := add(c.tool, c.given); got != "" || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != 3 || list[0].ID != "mobile" || list[1].ID != "paie" || list[2].ID != "stages" {
			t.Fatalf("%+v, %v", list, err)
		}
		if !secret.Equal(list[1].SecretHash, secret.Hash(made)) || len(list[0].SecretHash) != 0 || list[1].RedirectURIs[0] != "https://paie.example/cb" {
			t.Errorf("kept: %+v", list[1])
		}
	})
}

// Who sees which tool open, company by company, and why not.
func TestShelves(t *testing.T) {
	var watch *storetest.Watch
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		watch = storetest.NewWatch()
		s := tool.New(db)
		for _, one := range []*portique.Tool{
			example("declarer", func(t *portique.Tool) { t.Audience = portique.AudienceContributions }), example("paie"), example("stages"),
			example("vieux", func(t *portique.Tool) { t.DisabledAt = watch.Now() }),
		} {
			storetest.Write(t, db, func(tx *store.Tx) error { return tx.InsertTool(one) })
		}
		jeanne := storetest.Account(t, db, "jeanne@x.example")
		for i, c := range []struct {
			role    portique.Role
			change  func(*portique.Membership)
			company func(*portique.Company)
			tiles   string
		}{
			{portique.Administrator, nil, nil, "declarer paie stages"},
			{portique.Member, nil, nil, "declarer paie stages"},
			{portique.Member, func(m *portique.Membership) { m.Rights = []string{"paie", "vieux"} }, nil, "declarer:right_missing paie stages:right_missing"},
			{portique.Declarant, nil, nil, "declarer paie:contributions_only stages:contributions_only"},
			{portique.Member, func(m *portique.Membership) { m.Until = watch.Now() }, nil, "declarer:access_ended paie:access_ended stages:access_ended"},
			{portique.Member, func(m *portique.Membership) { m.Status = portique.MembershipSuspended }, nil, "declarer:access_suspended paie:access_suspended stages:access_suspended"},
			{portique.Administrator, nil, func(c *portique.Company) { c.Status = portique.CompanyClosed }, "declarer:company_closed paie:company_closed stages:company_closed"},
			{portique.Member, func(m *portique.Membership) { m.Status = portique.MembershipEnded }, nil, ""},
		} {
			siren := []portique.SIREN{"552100554", "732829320", "552100562", "552100570", "552100588", "552100596", "552100604", "552100612"}[i]
			storetest.Company(t, db, siren, func(one *portique.Company) {
				one.Name = fmt.Sprintf("Société %d", i)
				if c.company != nil {
					c.company(one)
				}
			})
			storetest.Member(t, db, jeanne, siren, c.role, func(m *portique.Membership) {
				if c.change != nil {
					c.change(m)
				}
			})
			shelves, err := s.Shelves(t.Context(), jeanne.ID)
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			if len(shelves) == i+1 {
				for _, tile := range shelves[i].Tiles {
					words = append(words, strings.TrimSuffix(tile.Tool.ID+":"+string(tile.Closed), ":"))
				}
			}
			if got := strings.Join(words, " "); got != c.tiles {
				t.Errorf("%d: %q, want %q", i, got, c.tiles)
			}
		}
		for id, want := range map[string]int{"declarer": 3, "paie": 3, "stages": 2, "vieux": 0} {
			open, err := s.Openings(t.Context(), jeanne.ID, id)
			if err != nil || len(open) != want {
				t.Errorf("%s opens for %d companies, %v", id, len(open), err)
			}
		}
		for _, id := range []string{"inconnu", "", "\x00"} {
			if _, err := s.Openings(t.Context(), jeanne.ID, id); !errors.Is(err, store.ErrToolUnknown) {
				t.Errorf("%q: %v", id, err)
			}
		}
	}, storetest.Clock(func() time.Time { return watch.Now() }))
}

package company_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"portique"
	"portique/internal/company"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const (
	a portique.SIREN = "552100554"
	b portique.SIREN = "732829320"
	c portique.SIREN = "552100562"
	d portique.SIREN = "552100570"

	header = "siren;name;member_code;status;contact_email;street;postcode;city;sector;successor\n"
)

var operator = portique.Actor{Door: portique.DoorCommand}

func each(t *testing.T, f func(t *testing.T, s *company.Service, db *store.DB)) {
	storetest.Run(t, func(t *testing.T, db *store.DB) { f(t, company.New(db, storetest.Keys()), db) })
}

// told says what an import did: "2 552100554 added, 3 552100562 refused siren.key".
func told(r *company.Report) string {
	if r == nil {
		return ""
	}
	var words []string
	for _, l := range r.Lines {
		word := strings.TrimSpace(fmt.Sprint(l.Number, " ", l.SIREN)) + " " + string(l.Outcome)
		var e *portique.Error
		if errors.As(l.Error, &e) {
			word += " " + e.Key
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

// sirens are n numbers with right keys.
func sirens(n int) []portique.SIREN {
	list := make([]portique.SIREN, 0, n)
	for i := 10_000_000; len(list) < n; i++ {
		for key := range 10 {
			if siren, err := portique.ParseSIREN(fmt.Sprint(i, key)); err == nil {
				list = append(list, siren)
			}
		}
	}
	return list
}

func companies(t *testing.T, s *company.Service) map[portique.SIREN]portique.Company {
	t.Helper()
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[portique.SIREN]portique.Company{}
	for _, one := range list {
		all[one.SIREN] = *one.Company
	}
	return all
}

// imported is the journal about a file: each import of it is one line.
func imported(t *testing.T, db *store.DB, file string) []portique.Event {
	t.Helper()
	return storetest.Journal(t, db, fmt.Sprintf("%x", sha256.Sum256([]byte(file))))
}

// Each file is tried first, and the real run must do what the trial said.
func TestImport(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		numbers := sirens(20)
		n := func(i int) string { return string(numbers[i]) }
		for i, f := range []struct{ file, told string }{
			{header + "552 100 554;Martin & Fils;12345678;active;Contact@Martin.example;1 rue X;75001;Paris;Commerce;\n" +
				string(b) + ";Durand;ABCD-EFGH;;;;;;;\n",
				"2 552100554 added, 3 732829320 added"},
			// The same again, byte order mark, other line ends, another order of columns, fewer of them.
			{"\ufeff" + strings.ReplaceAll(header, "\n", "\r\n") + "55210055400012;\"Martin & Fils\";12345678;active;contact@martin.example;1 rue X;75001;Paris;Commerce;\r\n",
				"2 552100554 unchanged"},
			{"Member_Code,NAME,siren\nabcdefgh,\"Durand\"," + string(b) + "\n", "2 732829320 unchanged"},
			{"siren;name;member_code\n" + string(b) + ";Durand, Père et Fils;\n", "2 732829320 changed"}, // no code: the old one stays
			{"siren;name;member_code\n" + string(b) + ";Durand, Père et Fils;ABCD EFGH", "2 732829320 unchanged"},
			{"siren;name;member_code\n" + string(b) + ";Durand, Père et Fils;NOUVEAU1", "2 732829320 changed"},
			// Every fault is told with its line; the other lines count.
			{"siren;name;member_code;status;contact_email;successor\n" +
				"552100555;X;1;;;\n" +
				";X;1;;;\n" +
				n(0) + ";;1;;;\n" +
				n(1) + ";Sans code;;;;\n" +
				n(2) + ";X;1;ouvert;;\n" +
				n(3) + ";X;1;;x@;\n" +
				n(4) + ";X;1;;;123\n" +
				n(5) + ";X;1;;\n" +
				n(6) + ";X\xff;1;;;\n" +
				n(7) + ";" + strings.Repeat("x", 201) + ";1;;;\n" +
				n(8) + ";\"Sans fin;1;;;\n" +
				n(9) + ";Église;" + strings.Repeat("x", 70_000) + ";;;\n" +
				"552100562;Neuve, à l'enseigne du \"Pied léger\";1;;;\n" +
				"\n;;;;;\n" +
				n(10) + ";Une fois;1;;;\n" +
				n(10) + " 00012;Deux fois;1;closed;;\n" +
				n(0) + ";L'autre est mauvaise;1;;;\n" +
				"404833048;À elle-même;1;;;404 833 048\n",
				"2 refused siren.key, 3 refused siren.missing, 4 " + n(0) + " refused import.name, 5 " + n(1) + " refused import.code_missing, " +
					"6 " + n(2) + " refused import.status, 7 " + n(3) + " refused email.form, 8 " + n(4) + " refused siren.length, 9 refused import.fields, " +
					"10 refused import.utf8, 11 " + n(7) + " refused import.name, 12 refused import.quote, 13 refused import.long, 14 552100562 added, " +
					"17 " + n(10) + " refused import.twice, 18 " + n(10) + " refused import.twice, 19 " + n(0) + " refused import.twice, " +
					"20 404833048 refused import.successor"},
		} {
			before := companies(t, s)
			trial, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{DryRun: true})
			if got := told(trial); got != f.told || err != nil {
				t.Errorf("file %d: %s, %v\nwant %s", i, got, err, f.told)
			}
			if !reflect.DeepEqual(companies(t, s), before) || len(imported(t, db, f.file)) != 0 {
				t.Errorf("file %d: a trial changed something", i)
			}
			lines, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{SkipRefused: true})
			if err != nil || told(lines) != told(trial) || !lines.Applied || trial.Applied {
				t.Errorf("file %d: the trial said %s, the run did %s, %v", i, told(trial), told(lines), err)
			}
			if e := imported(t, db, f.file); len(e) != 1 || e[0].Action != portique.ActionCompanyImported || e[0].Door != portique.DoorCommand {
				t.Errorf("file %d: the journal: %+v", i, e)
			}
		}
		all := companies(t, s)
		first, second := all[a], all[b]
		if first.Name != "Martin & Fils" || first.ContactEmail != "contact@martin.example" || first.City != "Paris" || first.Status != portique.CompanyActive ||
			second.Name != "Durand, Père et Fils" || all[c].Name != `Neuve, à l'enseigne du "Pied léger"` || len(all) != 3 {
			t.Errorf("%+v\n%+v", first, second)
		}
		// The codes are not there, only what proves them.
		for siren, code := range map[portique.SIREN]string{a: "12345678", b: "NOUVEAU1"} {
			if !secret.Equal(all[siren].CodeHash, storetest.Keys().MemberCode(string(siren), code)) || strings.Contains(string(all[siren].CodeHash), code) {
				t.Errorf("%s: the code kept is %x", siren, all[siren].CodeHash)
			}
		}
	})
}

// A file that cannot be a member file changes nothing.
func TestImportUnusableFiles(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		for name, file := range map[string]string{
			"nothing":               "",
			"a byte order mark":     "\ufeff",
			"blank lines":           "\n\n",
			"no header":             "552100554;Martin;12345678\n",
			"an unknown column":     "siren;name;member_code;colour\n",
			"a column twice":        "siren;name;member_code;name\n",
			"no code column":        "siren;name\n552100554;Martin\n",
			"another separator":     "siren\tname\tmember_code\n",
			"a spreadsheet":         "PK\x03\x04\x14\x00\x06\x00",
			"another encoding":      "siren;name;member_code;\xe9tat\n",
			"a page of the network": "<!doctype html>\n<title>Sign in</title>\n",
		} {
			lines, err := s.Import(t.Context(), operator, strings.NewReader(file), company.Options{Full: true, AllowDelete: 1000})
			var unusable *company.ErrFile
			if len(imported(t, db, file)) != 0 {
				t.Errorf("%s: the journal tells of an import", name)
			}
			if lines != nil || !errors.As(err, &unusable) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %v, %v", name, lines, err)
			}
		}
		if len(companies(t, s)) != 0 {
			t.Error("something changed")
		}
	})
}

// More than one company in fifty is closed only when told so, whether the file says it or leaves them out.
func TestImportClosing(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		ctx := t.Context()
		var file, closing strings.Builder
		file.WriteString("siren;name;member_code;status\n")
		closing.WriteString("siren;name;member_code;status\n")
		sirens := sirens(100)
		for i, siren := range sirens {
			fmt.Fprintf(&file, "%s;Société %d;code-%d;active\n", siren, i, i)
		}
		for _, siren := range sirens[:3] {
			fmt.Fprintf(&closing, "%s;Fermée;;closed\n", siren)
		}
		all := file.String()
		lines := strings.SplitAfter(all, "\n")
		without := func(n int) string { return lines[0] + strings.Join(lines[1+n:], "") }
		run := func(file string, o company.Options) (closed int, err error) {
			t.Helper()
			before := companies(t, s)
			trial := o
			trial.DryRun = true
			_, trialErr := s.Import(ctx, operator, strings.NewReader(file), trial)
			if !reflect.DeepEqual(companies(t, s), before) {
				t.Error("a trial changed something")
			}
			told, err := s.Import(ctx, operator, strings.NewReader(file), o)
			if fmt.Sprint(err) != fmt.Sprint(trialErr) {
				t.Errorf("the trial said %v, the run %v", trialErr, err)
			}
			if err != nil && !reflect.DeepEqual(companies(t, s), before) {
				t.Error("a refused import changed something")
			}
			if err != nil {
				return 0, err
			}
			for _, l := range told.Lines {
				if l.Outcome == company.Closed {
					closed++
					if companies(t, s)[l.SIREN].Status != portique.CompanyClosed {
						t.Errorf("%s is not closed", l.SIREN)
					}
				}
			}
			return closed, err
		}
		if _, err := run(all, company.Options{}); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			file    string
			options company.Options
		}{
			"three left out":             {without(3), company.Options{Full: true}},
			"three closed":               {closing.String(), company.Options{}},
			"three, when two were named": {without(3), company.Options{Full: true, AllowDelete: 2}},
			"a file cut short":           {strings.Join(lines[:40], ""), company.Options{Full: true, AllowDelete: 3}},
			"a header alone":             {lines[0], company.Options{Full: true}},
		} {
			var many *company.TooManyClosings
			if _, err := run(c.file, c.options); !errors.As(err, &many) || many.Active != 100 || many.Closings < 3 || !strings.Contains(err.Error(), "--allow-delete") {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, c := range map[string]struct {
			file    string
			options company.Options
			closed  int
		}{
			"left out of a part of the file": {without(50), company.Options{}, 0},
			"a bad line is not an absence":   {without(1) + string(sirens[0]) + ";;x;active\n", company.Options{Full: true, SkipRefused: true}, 0},
		} {
			if closed, err := run(c.file, c.options); closed != c.closed || err != nil {
				t.Errorf("%s: %d closed, %v", name, closed, err)
			}
		}
		if closed, err := run(without(2), company.Options{Full: true}); closed != 2 || err != nil { // one in fifty exactly
			t.Errorf("two of a hundred: %d closed, %v", closed, err)
		}
		if closed, err := run(closing.String(), company.Options{AllowDelete: 1}); closed != 1 || err != nil { // two of the three are closed already
			t.Errorf("one more: %d closed, %v", closed, err)
		}
		if closed, err := run(without(90), company.Options{Full: true, AllowDelete: 87}); closed != 87 || err != nil {
			t.Errorf("told so: %d closed, %v", closed, err)
		}
		if _, err := run(all, company.Options{Full: true}); err != nil { // they may come back
			t.Error(err)
		}
		for siren, one := range companies(t, s) {
			if one.Status != portique.CompanyActive {
				t.Errorf("%s stays %s", siren, one.Status)
			}
		}
	})
}

// An import never touches accesses; a new code replaces the old one at once.
func TestCompanies(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		ctx := t.Context()
		storetest.Company(t, db, a)
		storetest.Company(t, db, b)
		jeanne, luc, paul := storetest.Account(t, db, "jeanne@x.example"), storetest.Account(t, db, "luc@x.example"),
			storetest.Account(t, db, "paul@x.example", func(p *portique.Account) { p.Status = portique.AccountDisabled })
		storetest.Member(t, db, jeanne, a, portique.Administrator)
		storetest.Member(t, db, luc, a, portique.Declarant)
		storetest.Member(t, db, paul, a, portique.Administrator)
		_, err := s.Import(ctx, operator, strings.NewReader("siren;name;member_code;status\n"+string(a)+";Fermée;;closed\n"), company.Options{AllowDelete: 1})
		if err != nil {
			t.Fatal(err)
		}
		one, err := s.Show(ctx, a)
		if err != nil || one.Status != portique.CompanyClosed || one.Administrators != 1 || one.Members != 2 {
			t.Errorf("%+v, %v", one, err)
		}
		list, err := s.List(ctx)
		if err != nil || len(list) != 2 || list[0].SIREN != a || list[0].Administrators != 1 || list[0].Members != 2 || list[1].Members != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		code, err := s.NewCode(ctx, operator, b)
		if err != nil || len(code) != 10 {
			t.Fatalf("%q, %v", code, err)
		}
		if one, err = s.Show(ctx, b); err != nil || !secret.Equal(one.CodeHash, storetest.Keys().MemberCode(string(b), code)) || one.Name == "" {
			t.Errorf("%+v, %v", one, err)
		}
		if got := storetest.Actions(t, db, string(b)); got != "company.code_changed" {
			t.Errorf("the journal: %s", got)
		}
		for _, err := range []error{func() error { _, err := s.NewCode(ctx, operator, c); return err }(), func() error { _, err := s.Show(ctx, d); return err }()} {
			if !errors.Is(err, store.ErrCompanyUnknown) {
				t.Errorf("an unknown company: %v", err)
			}
		}
	})
}

package company_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"portique"
	"portique/internal/company"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

const short = "siren;name;member_code\n"

// utf16le writes a text as the clipboard of Windows does.
func utf16le(s string) string {
	var b strings.Builder
	for _, u := range utf16.Encode([]rune(s)) {
		b.WriteByte(byte(u))
		b.WriteByte(byte(u >> 8))
	}
	return b.String()
}

// again reads one text for ever.
type again struct {
	text string
	at   int
	read int
}

func (a *again) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		c := copy(p[n:], a.text[a.at:])
		a.at = (a.at + c) % len(a.text)
		n += c
	}
	a.read += n
	return n, nil
}

// IMP-07: an encoding is read right or refused in one sentence that names it; nothing changes, and memory stays bounded.
func TestIMP07(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		var zipped bytes.Buffer
		w := gzip.NewWriter(&zipped)
		_, _ = w.Write([]byte(short + string(a) + ";Martin;12345678\n"))
		_ = w.Close()
		for name, f := range map[string]struct{ file, says string }{
			"Latin-1":                       {short + string(b) + ";Durand;12345678\n" + string(a) + ";Soci\xe9t\xe9 G\xe9n\xe9rale;12345678\n", "line 3 is not in UTF-8 but probably in Latin-1 (Windows-1252): save it as \"CSV UTF-8\""},
			"Windows-1252":                  {short + string(a) + ";\x8cuvres d\x92\xc9pinal;12345678\n", "Windows-1252"},
			"a code page of DOS":            {short + string(a) + ";Caf\x82;12345678\n", "older encoding"},
			"Latin-1 in the header":         {"siren;name;member_code;\xe9tat\n", "the header is not in UTF-8 but probably in Latin-1"},
			"UTF-16":                        {"\xff\xfe" + utf16le(short), "UTF-16"},
			"UTF-16, the other way":         {"\xfe\xff\x00s\x00i", "UTF-16"},
			"UTF-16 without its mark":       {utf16le(short), "UTF-16"},
			"a NUL":                         {short + string(a) + ";Mar\x00tin;12345678\n", "line 2 holds a NUL"},
			"a NUL far away":                {short + strings.Repeat(string(a)+";Martin;12345678\n", 5000) + "\x00", "line 5002 holds a NUL"},
			"gzip":                          {zipped.String(), "gzip"},
			"a spreadsheet":                 {"PK\x03\x04\x14\x00\x06\x00\x08", "spreadsheet"},
			"an old spreadsheet":            {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "spreadsheet"},
			"line ends of the old Mac":      {"siren;name;member_code\r552100554;Martin;12345678\r", "LF or CRLF"},
			"one line without end":          {strings.Repeat("siren;", 200_000), "LF or CRLF"},
			"a blank line, then the rest":   {"\n" + short, "the first line is empty"},
			"tabs":                          {"siren\tname\tmember_code\n", "the columns are siren;name"},
			"a column with a long odd name": {"siren;name;member_code;" + strings.Repeat("é", 5000) + "\n", "unknown column"},
		} {
			for _, dry := range []bool{true, false} {
				r, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{DryRun: dry, SkipRefused: true})
				var unusable *company.ErrFile
				if r != nil || !errors.As(err, &unusable) || !strings.Contains(err.Error(), f.says) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
					t.Errorf("%s: %s, %v", name, told(r), err)
				}
				if err != nil && strings.Contains(err.Error(), "12345678") {
					t.Errorf("%s: a member code is told: %v", name, err)
				}
			}
		}
		if len(companies(t, s)) != 0 {
			t.Error("something was imported")
		}
		for name, f := range map[string]struct{ file, told string }{
			"a header alone":           {short, ""},
			"a header without an end":  {"siren,name,member_code", ""},
			"quotation marks":          {"\"siren\";\"name\";\"member_code\"\n\"552100554\";\"Au \"\"Pied\"\" ; léger\";\"12345678\"\n", "2 552100554 added"},
			"lines of a spreadsheet":   {"\ufeffsiren;name;member_code\r\n552100554;Martin;12345678\r\n;;\r\n\"\";;\r\n  \r\n", "2 552100554 added"},
			"commas in the names":      {short + "552100554;Martin, Durand, et Fils;12345678", "2 552100554 added"},
			"semicolons in the names":  {"siren,name,member_code\n552100554,Martin; Durand,12345678", "2 552100554 added"},
			"a lone mark at the end":   {"siren;member_code;name\n552100554;12345678;\"Martin", "2 refused import.quote"},
			"a field of two lines":     {short + "552100554;\"Martin\nFils\";12345678\n732829320;Durand;12345678\n", "2 refused import.quote, 3 refused import.fields, 4 732829320 added"},
			"one line of 1 MB":         {short + "552100554;" + strings.Repeat("é", 1<<19) + ";12345678\n732829320;Durand;12345678\n", "2 refused import.long, 3 732829320 added"},
			"the last line of 1 MB":    {short + "732829320;Durand;12345678\n" + strings.Repeat("x", 1<<20), "2 732829320 added, 3 refused import.long"},
			"one bad byte among UTF-8": {short + "552100554;Caf\xe9;12345678\n732829320;Café;12345678\n", "2 refused import.utf8, 3 732829320 added"},
			"control characters":       {short + "552100554;Mar\x1b[31mtin\x07;12345678\n", "2 552100554 added"},
		} {
			r, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{DryRun: true})
			if err != nil || told(r) != f.told {
				t.Errorf("%s: %s, %v\nwant %s", name, told(r), err, f.told)
			}
		}
	})
}

// IMP-07: what never ends is refused after 64 MiB, whatever it is made of, and memory follows the limits, not the file.
func TestIMP07WithoutEnd(t *testing.T) {
	s := company.New(storetest.Open(t, "sqlite"), storetest.Keys())
	for name, f := range map[string]struct{ text, says string }{
		"companies":       {strings.Repeat("x", 1<<10) + "\n", "larger than 64 MiB"},
		"one line":        {"x", "larger than 64 MiB"},
		"empty lines":     {"\n;;\n", "larger than 64 MiB"},
		"very many lines": {"x\n", "more than 500000 lines"},
	} {
		endless := &again{text: f.text}
		_, err := s.Import(t.Context(), operator, io.MultiReader(strings.NewReader("name;siren;member_code\n"), endless), company.Options{DryRun: true})
		if err == nil || !strings.Contains(err.Error(), f.says) || endless.read > 65<<20 {
			t.Errorf("%s: read %d bytes, %v", name, endless.read, err)
		}
		runtime.GC()
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapSys > 512<<20 {
			t.Errorf("%s: the heap has grown to %d MiB", name, m.HeapSys>>20)
		}
	}
}

// IMP-02: one bad line in ten thousand: nothing is applied, and the report names it. What the trial says is what the run does.
func TestIMP02(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		var file strings.Builder
		file.WriteString(short)
		for i, siren := range sirens(10_000) {
			if i == 9_998 {
				siren = "552100555"
			}
			fmt.Fprintf(&file, "%s;Société %d;%08d\n", siren, i, i)
		}
		run := func(o company.Options) *company.Report {
			r, err := s.Import(t.Context(), operator, strings.NewReader(file.String()), o)
			if err != nil {
				t.Fatal(err)
			}
			if bad := r.Lines[9_998]; len(r.Lines) != 10_000 || r.Refused != 1 || bad.Number != 10_000 || bad.Outcome != company.Refused || bad.Error == nil {
				t.Errorf("%d lines, %d refused, %+v", len(r.Lines), r.Refused, bad)
			}
			return r
		}
		trial, done := run(company.Options{DryRun: true}), run(company.Options{})
		if told(trial) != told(done) || done.Applied || len(companies(t, s)) != 0 || len(imported(t, db, file.String())) != 0 {
			t.Errorf("applied: %t, %d companies", done.Applied, len(companies(t, s)))
		}
		if r := run(company.Options{SkipRefused: true}); !r.Applied || told(r) != told(trial) || len(companies(t, s)) != 9_999 {
			t.Errorf("left out on purpose: applied %t, %d companies", r.Applied, len(companies(t, s)))
		}
	})
}

// IMP-08: two lines of one company are both told, whatever they say and however the number is written; neither is applied.
func TestIMP08(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		storetest.Company(t, db, a)
		storetest.Company(t, db, b)
		before := companies(t, s)
		for name, f := range map[string]struct{ file, told string }{
			"they differ":          {short + "552100554;Une;12345678\n732829320;Durand;\n552100554;Autre;87654321\n", "2 552100554 refused import.twice, 3 732829320 changed, 4 552100554 refused import.twice"},
			"they are the same":    {short + "552100554;Une;12345678\n552100554;Une;12345678\n", "2 552100554 refused import.twice, 3 552100554 refused import.twice"},
			"two establishments":   {short + "55210055400012;Une;12345678\n552 100 554 00020;Une;12345678\n", "2 552100554 refused import.twice, 3 552100554 refused import.twice"},
			"three of them":        {short + strings.Repeat("552100554;Une;12345678\n", 3), "2 552100554 refused import.twice, 3 552100554 refused import.twice, 4 552100554 refused import.twice"},
			"one has other faults": {short + "552100554;;12345678\n552100554;Une;12345678\n", "2 552100554 refused import.name, 3 552100554 refused import.twice"},
		} {
			r, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{})
			if err != nil || told(r) != f.told || r.Applied || !reflect.DeepEqual(companies(t, s), before) {
				t.Errorf("%s: %s, %v", name, told(r), err)
			}
		}
		// Left out on purpose, and not taken for absent either.
		r, err := s.Import(t.Context(), operator, strings.NewReader(short+"552100554;Une;12345678\n732829320;Durand;\n552100554;Autre;87654321\n"), company.Options{Full: true, SkipRefused: true})
		if after := companies(t, s); err != nil || !r.Applied || !reflect.DeepEqual(after[a], before[a]) || after[b].Name != "Durand" {
			t.Errorf("%s, %v", told(r), err)
		}
	})
}

// IMP-10: the same file again changes nothing; a file that another has replaced since is told, by what it holds.
func TestIMP10(t *testing.T) {
	watch := storetest.NewWatch()
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		s := company.New(db, storetest.Keys())
		monday, tuesday := short+string(a)+";Lundi;12345678\n", short+string(a)+";Mardi;12345678\n"
		first := watch.Now()
		for i, f := range []struct {
			file, told string
			earlier    bool
		}{
			{monday, "2 552100554 added", false}, {monday, "2 552100554 unchanged", false}, {tuesday, "2 552100554 changed", false}, {tuesday, "2 552100554 unchanged", false},
			{monday, "2 552100554 changed", true}, {tuesday, "2 552100554 changed", true}, {tuesday, "2 552100554 unchanged", false},
		} {
			trial, err := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{DryRun: true})
			run, err2 := s.Import(t.Context(), operator, strings.NewReader(f.file), company.Options{})
			if err != nil || err2 != nil || told(trial) != f.told || told(run) != f.told || run.Earlier.IsZero() == f.earlier || !trial.Earlier.Equal(run.Earlier) {
				t.Errorf("%d: %s, %s, %v; earlier %s", i, told(trial), told(run), errors.Join(err, err2), run.Earlier)
			}
			if f.earlier && run.Earlier.Before(first) {
				t.Errorf("%d: imported earlier on %s", i, run.Earlier)
			}
		}
	}, storetest.Clock(watch.Now))
}

// IMP-04: closing, renaming and giving new codes to companies that people act for changes no access and no request.
func TestIMP04(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		storetest.Company(t, db, a)
		storetest.Company(t, db, b)
		jeanne, luc, paul := storetest.Account(t, db, "jeanne@x.example"), storetest.Account(t, db, "luc@x.example"), storetest.Account(t, db, "paul@x.example")
		for _, siren := range []portique.SIREN{a, b} {
			storetest.Member(t, db, jeanne, siren, portique.Administrator)
			storetest.Member(t, db, luc, siren, portique.Declarant)
			storetest.Write(t, db, func(tx *store.Tx) error {
				return tx.InsertRequest(&portique.AccessRequest{ID: store.NewID(), AccountID: paul.ID, SIREN: siren, Status: portique.RequestPending, CreatedAt: tx.Now(), SentTo: 1})
			})
		}
		accesses := func() (list []any) {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				list = nil
				for _, siren := range []portique.SIREN{a, b} {
					members, err := tx.MembershipsIn(siren)
					if err != nil {
						return err
					}
					for _, m := range members {
						m.CompanyName, m.CompanyStatus = "", "" // told with the access, not of it
						list = append(list, *m)
					}
					had, err := tx.HadAdministrator(siren)
					if err != nil {
						return err
					}
					last, err := tx.LastRequest(paul.ID, siren)
					if err != nil {
						return err
					}
					last.CompanyName = ""
					list = append(list, had, *last)
				}
				return nil
			})
			if err != nil || len(list) != 8 {
				t.Fatalf("%v, %v", list, err)
			}
			return list
		}
		before := accesses()
		for i, f := range []struct {
			file string
			o    company.Options
		}{
			{short + string(a) + ";Un autre nom;NOUVEAU123\n", company.Options{}},
			{"siren;name;member_code;status;successor\n" + string(a) + ";Fermée;;closed;" + string(b) + "\n", company.Options{AllowDelete: 1}},
			{short + string(c) + ";Toute neuve;NOUVEAU123\n", company.Options{Full: true, AllowDelete: 2}}, // b is absent
			{"siren;name;member_code;status\n" + string(a) + ";Rouverte;;active\n" + string(b) + ";Rouverte;;active\n", company.Options{}},
		} {
			if r, err := s.Import(t.Context(), operator, strings.NewReader(f.file), f.o); err != nil || !r.Applied {
				t.Fatalf("%d: %s, %v", i, told(r), err)
			}
			if after := accesses(); !reflect.DeepEqual(after, before) {
				t.Errorf("%d: from %+v\nto %+v", i, before, after)
			}
		}
		if letters := storetest.Outbox(t, db, ""); len(letters) != 0 {
			t.Errorf("%d letters", len(letters))
		}
	})
}

// IMP-01: what a spreadsheet would run is a name like any other here: it is told as it is, and comes back the same. (There is no CSV
// export yet: the command line lists companies as JSON.)
func TestIMP01(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		names := []string{"=1+1", "+33 1 23", "-2", "@SUM(A1)", `"Au Pied léger"`, `Deux; trois, "quatre"`, "=HYPERLINK(\"https://x.example\")", "|x", "'Aux Blés'", "%0d%0a"}
		write := func(names []string) string {
			var file strings.Builder
			w := csv.NewWriter(&file)
			w.Comma = ';'
			_ = w.Write(strings.Split(strings.TrimSpace(short), ";"))
			for i, siren := range sirens(len(names)) {
				_ = w.Write([]string{string(siren), names[i], "12345678"})
			}
			w.Flush()
			return file.String()
		}
		if r, err := s.Import(t.Context(), operator, strings.NewReader(write(names)), company.Options{}); err != nil || !r.Applied {
			t.Fatalf("%s, %v", told(r), err)
		}
		all := companies(t, s)
		var read []string
		for i, siren := range sirens(len(names)) {
			if all[siren].Name != names[i] {
				t.Errorf("%q became %q", names[i], all[siren].Name)
			}
			told, _ := json.Marshal(all[siren].Name)
			var name string
			if err := json.Unmarshal(told, &name); err != nil {
				t.Fatal(err)
			}
			read = append(read, name)
		}
		r, err := s.Import(t.Context(), operator, strings.NewReader(write(read)), company.Options{})
		if err != nil || strings.Count(told(r), "unchanged") != len(names) {
			t.Errorf("%s, %v", told(r), err)
		}
	})
}

// A new code given while a file is imported is never lost to it when the file says nothing of codes; when it does, the later of the
// two wins, and never a mixture. Two imports at once end as one of them.
func TestImportAtOnceWithANewCode(t *testing.T) {
	each(t, func(t *testing.T, s *company.Service, db *store.DB) {
		numbers := sirens(200)
		file := func(name, code string) string {
			var file strings.Builder
			file.WriteString(short)
			for _, siren := range numbers {
				fmt.Fprintf(&file, "%s;%s;%s\n", siren, name, code)
			}
			return file.String()
		}
		run := func(file string) {
			if r, err := s.Import(t.Context(), operator, strings.NewReader(file), company.Options{}); err != nil || !r.Applied {
				t.Errorf("%v", err)
			}
		}
		run(file("Première", "12345678"))
		for round := range 10 {
			siren, name := numbers[round*17], fmt.Sprint("Nom ", round)
			code := []string{"", "ABCDEFGH"}[round%2]
			var given string
			var wg sync.WaitGroup
			wg.Go(func() { run(file(name, code)) })
			wg.Go(func() { run(file(name, code)) })
			wg.Go(func() {
				var err error
				if given, err = s.NewCode(t.Context(), operator, siren); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			all := companies(t, s)
			is := func(code string) bool {
				return secret.Equal(all[siren].CodeHash, storetest.Keys().MemberCode(string(siren), code))
			}
			if all[siren].Name != name || !is(given) && (code == "" || !is(code)) {
				t.Errorf("round %d: %+v", round, all[siren])
			}
			for _, other := range numbers {
				if all[other].Name != name {
					t.Fatalf("round %d: %s is called %s", round, other, all[other].Name)
				}
			}
		}
	})
}

// A code that cannot hold the bits the operator declared is refused, since the installation's budget of guesses rests on them.
func TestImportWeakCodes(t *testing.T) {
	s := company.New(storetest.Open(t, "sqlite"), storetest.Keys())
	for code, refused := range map[string]bool{
		"12345678": false, "1234567": true, "1234 567": true, "1234-5678": false, "ABCDEF": false, "AB3DE": true, "k7qm2zt9ab": false, "１２３４５６７８": false,
		"00000000": true, "AAAAAAAAAAAA": true, string(a): true, "55210055": true, string(a) + "1234": true, string(a) + "12345678": false,
	} {
		r, err := s.Import(t.Context(), operator, strings.NewReader(short+string(a)+";Martin;"+code+"\n"), company.Options{DryRun: true, CodeBits: 26})
		want := "2 552100554 added"
		if refused {
			want = "2 552100554 refused import.code_weak"
		}
		if err != nil || told(r) != want {
			t.Errorf("%s: %s, %v", code, told(r), err)
		}
	}
}

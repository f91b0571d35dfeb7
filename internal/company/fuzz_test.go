package company

import (
	"encoding/csv"
	"errors"
	"reflect"
	"strings"
	"testing"

	"portique"
	"portique/internal/store/storetest"
)

// Whatever the file, it is refused whole in one line, or each of its lines has one result, of which the trial tells the same as the run.
func FuzzMemberFile(f *testing.F) {
	const header = "siren;name;member_code;status;contact_email;street;postcode;city;sector;successor\n"
	for _, file := range []string{
		"", "\ufeff" + header, header + "552100554;Martin;12345678;active;a@x.example;1 rue X;75001;Paris;Commerce;732829320\n",
		"siren,name,member_code\r\n552100554,\"Martin, \"\"Fils\"\"\",12345678\r\n\r\n732829320,Durand,ABCD-EFGH",
		"siren;name;member_code\n552100554;Une;12345678\n55210055400012;Deux;12345678\n552100555;Trois;1\n;;\n", "siren;name;member_code;status\n552100554;X;;closed\n",
		"siren;name;member_code\n552100554;\"Sans fin;12345678\n", "siren;name;member_code\n552100554;Caf\xe9;12345678\n", "\xff\xfes\x00i\x00", "PK\x03\x04", "siren;name;member_code\n\x00",
	} {
		f.Add(file, false, false)
		f.Add(file, true, true)
	}
	s := New(storetest.Open(f, "sqlite"), storetest.Keys())
	f.Fuzz(func(t *testing.T, file string, full, skip bool) {
		o := Options{DryRun: true, Full: full, SkipRefused: skip, AllowDelete: 1, CodeBits: 26}
		trial, trialErr := s.Import(t.Context(), portique.Actor{Door: portique.DoorCommand}, strings.NewReader(file), o)
		o.DryRun = false
		run, err := s.Import(t.Context(), portique.Actor{Door: portique.DoorCommand}, strings.NewReader(file), o)
		if (trial == nil) == (trialErr == nil) || (run == nil) == (err == nil) || !reflect.DeepEqual(trialErr, err) {
			t.Fatalf("the trial: %+v, %v; the run: %+v, %v", trial, trialErr, run, err)
		}
		if err != nil {
			var unusable *ErrFile
			var many *TooManyClosings
			if !errors.As(err, &unusable) && !errors.As(err, &many) || strings.ContainsAny(err.Error(), "\r\n\x00\x1b") {
				t.Fatalf("%v", err)
			}
			return
		}
		if !reflect.DeepEqual(trial.Lines, run.Lines) || trial.Refused != run.Refused || run.Applied != (run.Refused == 0 || skip) {
			t.Fatalf("the trial: %+v; the run: %+v", trial, run)
		}
		refused, last, seen := 0, 1, map[portique.SIREN]bool{}
		for _, l := range run.Lines {
			if (l.Outcome == Refused) != (l.Error != nil) || l.Number != 0 && l.Number <= last {
				t.Fatalf("%+v after line %d", l, last)
			}
			if l.Outcome == Refused {
				refused++
			} else if seen[l.SIREN] {
				t.Fatalf("%s has two results: %+v", l.SIREN, run.Lines)
			} else {
				seen[l.SIREN] = true
			}
			last = max(last, l.Number)
		}
		if refused != run.Refused || last > 1+strings.Count(file, "\n") {
			t.Fatalf("%d refused, the last line is %d: %+v", refused, last, run)
		}
	})
}

// A line of well-formed fields is cut as encoding/csv cuts it.
func FuzzSplit(f *testing.F) {
	f.Add("a", "", `"quoted"; and "more`)
	f.Add(`"`, ";", `""`)
	f.Add(" a", "é", "'")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		want := []string{a, b, c}
		if strings.ContainsAny(a+b+c, "\r\n") {
			return
		}
		var line strings.Builder
		w := csv.NewWriter(&line)
		w.Comma = ';'
		if err := w.Write(want); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		if got, closed := split(strings.TrimSuffix(line.String(), "\n"), ';'); !closed || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q was cut in %q", line.String(), got)
		}
		_, _ = split(a, ',')
	})
}

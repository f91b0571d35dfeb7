package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// shell runs commands on one database, as an engineer would.
type shell struct {
	t       *testing.T
	dir     string
	environ []string
}

func newShell(t *testing.T) *shell {
	dir := t.TempDir()
	return &shell{t, dir, []string{"PORTIQUE_DATABASE_URL=sqlite:" + filepath.Join(dir, "portique.db")}}
}

func (s *shell) file(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *shell) run(stdin string, args ...string) (code int, out, errs string) {
	s.t.Helper()
	stderr, err := os.Create(filepath.Join(s.t.TempDir(), "stderr"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer stderr.Close()
	var stdout bytes.Buffer
	code = Main(args, Environment{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: stderr, Environ: s.environ})
	told, err := os.ReadFile(stderr.Name())
	if err != nil {
		s.t.Fatal(err)
	}
	return code, stdout.String(), string(told)
}

// ok runs a command that must succeed and say nothing on standard error.
func (s *shell) ok(stdin string, args ...string) string {
	s.t.Helper()
	code, out, errs := s.run(stdin, args...)
	if code != 0 || errs != "" {
		s.t.Fatalf("portique %s: %d, %s", strings.Join(args, " "), code, errs)
	}
	return out
}

// fails runs a command that must be refused with that status in one line that says so.
func (s *shell) fails(code int, says, stdin string, args ...string) {
	s.t.Helper()
	got, out, errs := s.run(stdin, args...)
	if got != code || !strings.HasPrefix(errs, "portique: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, says) || out != "" {
		s.t.Errorf("portique %s: status %d, want %d; out %q; error %q, want %q", strings.Join(args, " "), got, code, out, errs, says)
	}
}

// array decodes an array and checks the fields of each element: all of always, and only those of sometimes beside them.
func array(t *testing.T, out, always, sometimes string) []map[string]any {
	t.Helper()
	var values []map[string]any
	if err := json.Unmarshal([]byte(out), &values); err != nil || values == nil {
		t.Fatalf("not an array: %v\n%s", err, out)
	}
	for _, v := range values {
		shape(t, v, always, sometimes)
	}
	return values
}

func object(t *testing.T, out, always, sometimes string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal([]byte(out), &value); err != nil {
		t.Fatalf("not an object: %v\n%s", err, out)
	}
	shape(t, value, always, sometimes)
	return value
}

func shape(t *testing.T, v map[string]any, always, sometimes string) {
	t.Helper()
	must, may := strings.Fields(always), strings.Fields(sometimes)
	for _, name := range must {
		if _, there := v[name]; !there {
			t.Errorf("%q is missing: %v", name, v)
		}
	}
	for name, value := range v {
		if !slices.Contains(must, name) && !slices.Contains(may, name) {
			t.Errorf("%q is not in the contract: %v", name, v)
		}
		if value == nil || value == "" {
			t.Errorf("%q is empty rather than absent: %v", name, v)
		}
		if strings.HasSuffix(name, "_at") || name == "since" || name == "until" {
			if at, err := time.Parse(time.RFC3339, fmt.Sprint(value)); err != nil || at.Location() != time.UTC {
				t.Errorf("%q is no time in UTC: %v", name, value)
			}
		}
	}
}

const (
	accountFields    = "id email first_name last_name status contributions_only"
	accountMore      = "language created_at last_sign_in_at"
	companyFields    = "siren name status administrators members frozen in_recovery"
	membershipFields = "id account_id email siren role status rights since"
	requestFields    = "id email siren status created_at reminders"
	letterFields     = "id message_id to kind status attempts created_at"
	toolFields       = "client_id name url redirect_uris audience"

	password = "Soleil-Lune26\n"
)

// What an engineer does on the first day, and what scripts read of it (contract.md, section 1).
func TestCommands(t *testing.T) {
	s := newShell(t)
	for _, listing := range [][]string{{"company", "list"}, {"account", "list"}, {"membership", "list"}, {"request", "list"}, {"letter", "list"}, {"tool", "list"}} {
		if out := s.ok("", append(listing, "--json")...); strings.TrimSpace(out) != "[]" {
			t.Errorf("%v of an empty installation: %s", listing, out)
		}
	}

	members := s.file("members.csv", "siren;name;member_code;status;contact_email\n552100554;Martin <Fils>;12345678;active;contact@martin.example\n732829320;Durand;87654321;;\n")
	if out := s.ok("", "company", "import", "--dry-run", members); !strings.Contains(out, "Nothing changed") || !strings.Contains(out, "2 added") {
		t.Errorf("the trial: %s", out)
	}
	if out := s.ok("", "company", "list", "--json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("the trial imported: %s", out)
	}
	if lines := array(t, s.ok("", "company", "import", "--json", members), "line siren name outcome", "error"); len(lines) != 2 || lines[0]["outcome"] != "added" {
		t.Errorf("the import: %v", lines)
	}
	companies := array(t, s.ok("", "company", "list", "--json"), companyFields, "contact_email")
	if len(companies) != 2 || companies[0]["name"] != "Martin <Fils>" || companies[0]["frozen"] != false || companies[0]["administrators"] != 0.0 {
		t.Errorf("the companies: %v", companies)
	}
	code := strings.TrimSpace(s.ok("", "company", "new-code", "552 100 554"))
	if again := object(t, s.ok("", "company", "new-code", "552100554", "--json"), "siren member_code", ""); len(code) != 10 || again["member_code"] == code {
		t.Errorf("the codes: %s, %v", code, again)
	}

	create := func(first, email string, more ...string) string {
		return s.ok(password, append([]string{"account", "create", "--email", email, "--first-name", first, "--last-name", "Martin", "--password-stdin", "--json"}, more...)...)
	}
	jeanne := object(t, create("Jeanne", "Jeanne@Martin.example", "--validated"), accountFields, accountMore)
	if jeanne["email"] != "jeanne@martin.example" || jeanne["status"] != "active" {
		t.Errorf("the account: %v", jeanne)
	}
	create("Luc", "luc@martin.example", "--contributions-only", "--language", "en")
	people := array(t, s.ok("", "account", "list", "--json"), accountFields, accountMore)
	if len(people) != 2 || people[0]["id"] != jeanne["id"] || people[1]["status"] != "unvalidated" || people[1]["contributions_only"] != true || people[1]["language"] != "en" {
		t.Errorf("the people: %v", people)
	}
	if luc := object(t, s.ok("", "account", "show", "LUC@martin.example", "--json"), accountFields, accountMore); luc["status"] != "unvalidated" {
		t.Errorf("he is %v", luc)
	}
	letters := array(t, s.ok("", "letter", "list", "--json", "--email", "luc@martin.example", "--status", "queued"), letterFields, "last_error sent_at")
	if len(letters) != 1 || letters[0]["to"] != "luc@martin.example" || letters[0]["kind"] != "validation" || letters[0]["status"] != "queued" {
		t.Errorf("the letters: %v", letters)
	}

	m := object(t, s.ok("", "membership", "grant", "--email", "jeanne@martin.example", "--siren", "552100554", "--role", "administrator", "--reason", "dossier papier", "--json"), membershipFields, "until")
	if m["role"] != "administrator" || m["account_id"] != jeanne["id"] || len(m["rights"].([]any)) != 0 {
		t.Errorf("the access: %v", m)
	}
	created := object(t, s.ok("", "tool", "add", "paie", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "https://paie.example/cb?a=1,2",
		"--redirect-uri", "https://paie.example/autre", "--json"), toolFields+" client_secret", "")
	if secret, _ := created["client_secret"].(string); len(secret) < 43 || len(created["redirect_uris"].([]any)) != 2 {
		t.Errorf("the tool: %v", created)
	}
	if tools := array(t, s.ok("", "tool", "list", "--json"), toolFields, ""); len(tools) != 1 || tools[0]["client_id"] != "paie" {
		t.Errorf("the tools: %v", tools)
	}
	member := object(t, s.ok("", "membership", "grant", "--email", "jeanne@martin.example", "--siren", "732829320", "--role", "member", "--tool", "paie",
		"--until", "2099-12-31", "--reason", "dossier papier", "--json"), membershipFields+" until", "")
	if member["until"] != "2099-12-31T23:00:00Z" || fmt.Sprint(member["rights"]) != "[paie]" { // the end of that day in Paris
		t.Errorf("the access: %v", member)
	}
	s.ok("", "membership", "revoke", fmt.Sprint(member["id"]), "--reason", "départ")
	all := array(t, s.ok("", "membership", "list", "--email", "jeanne@martin.example", "--json"), membershipFields, "until")
	if len(all) != 2 || all[1]["status"] != "ended" {
		t.Errorf("the accesses: %v", all)
	}
	if show := object(t, s.ok("", "company", "show", "552100554", "--json"), companyFields, "contact_email"); show["administrators"] != 1.0 || show["members"] != 1.0 {
		t.Errorf("the company: %v", show)
	}
	array(t, s.ok("", "request", "list", "--siren", "552100554", "--json"), requestFields, "reminded_at escalated_at")
	for _, r := range array(t, s.ok("", "routes", "--json"), "host method path who fields", "") {
		if r["host"] != "portal" && r["host"] != "auth" || !strings.HasPrefix(fmt.Sprint(r["path"]), "/") || r["fields"] == nil {
			t.Errorf("a route: %v", r)
		}
	}
	if out := s.ok("", "version"); !strings.HasPrefix(out, "portique ") {
		t.Errorf("the version: %s", out)
	}
	s.ok("", "migrate", "--check")

	// Refusals: 1 for what cannot be done, in one line that says why.
	s.fails(1, "--allow-delete 1", "", "company", "import", s.file("closing.csv", "siren;name;member_code;status\n552100554;X;;closed\n"))
	s.fails(1, "unknown column", "", "company", "import", s.file("odd.csv", "siren;name;member_code;colour\n"))
	s.fails(1, "552100562", "", "company", "show", "552100562")
	s.fails(1, "552100562", "", "company", "new-code", "552100562")
	s.fails(1, "siren: ", "", "company", "show", "552100555")
	s.fails(1, "", "", "account", "show", "nobody@martin.example")
	s.fails(1, "email: ", "", "account", "show", "not an address")
	s.fails(1, "email: ", password, "account", "create", "--email", "jeanne@martin.example", "--first-name", "J", "--last-name", "M", "--password-stdin", "--validated")
	s.fails(1, "password: ", "BleuCanard12\n", "account", "create", "--email", "x@martin.example", "--first-name", "J", "--last-name", "M", "--password-stdin")
	s.fails(1, "too common", "Azerty123!\n", "account", "create", "--email", "x@martin.example", "--first-name", "J", "--last-name", "M", "--password-stdin")
	s.fails(1, "Martin <Fils>", "", "account", "disable", "jeanne@martin.example")
	s.fails(1, "", "", "account", "disable", "nobody@martin.example")
	s.fails(1, "membership list", "", "membership", "revoke", "x", "--reason", "y")
	s.fails(1, "", "", "membership", "revoke", fmt.Sprint(m["id"]), "--reason", "y")
	s.fails(1, "", "", "membership", "revoke", fmt.Sprint(member["id"]), "--reason", "y")
	s.fails(1, "", "", "membership", "grant", "--email", "nobody@martin.example", "--siren", "552100554", "--role", "member", "--reason", "x")
	s.fails(1, "reason: ", "", "membership", "grant", "--email", "jeanne@martin.example", "--siren", "732829320", "--role", "member", "--reason", " ")
	s.fails(1, "tool: ", "", "membership", "grant", "--email", "jeanne@martin.example", "--siren", "732829320", "--role", "member", "--tool", "paye", "--reason", "x")
	s.fails(1, "", "", "tool", "add", "paie", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "https://paie.example/cb")
	s.fails(1, "http://paie.example/cb", "", "tool", "add", "autre", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "http://paie.example/cb")
	s.fails(1, "secret: ", "short\n", "tool", "add", "autre", "--name", "Paie", "--url", "https://paie.example/", "--redirect-uri", "https://paie.example/cb", "--secret-stdin")
	s.fails(1, "", "", "letter", "retry", fmt.Sprint(letters[0]["id"]))
	s.fails(1, "PORTIQUE_SMTP_URL", "", "serve")

	s.fails(1, "no such file", "", "company", "import", filepath.Join(s.dir, "missing.csv"))

	// 2 for a command that is not one.
	for _, args := range [][]string{
		{"compagny"}, {"company"}, {"company", "show"}, {"company", "show", "552100554", "732829320"}, {"company", "list", "--csv"},
		{"company", "import", members, "--allow-delete", "many"},
		{"membership", "grant", "--email", "jeanne@martin.example", "--siren", "552100554", "--role", "boss", "--reason", "x"},
		{"membership", "grant", "--email", "jeanne@martin.example", "--siren", "552100554", "--role", "member"},
		{"membership", "grant", "--email", "jeanne@martin.example", "--siren", "732829320", "--role", "member", "--until", "31/12/2099", "--reason", "x"},
		{"account", "create", "--email", "x@martin.example", "--first-name", "J", "--last-name", "M"},
		{"letter", "list", "--status", "lost"}, {"tool", "add", "x"},
	} {
		s.fails(2, "", "", args...)
	}
}

// A line that is refused is told with its number, and nothing is imported until it is mended or left out on purpose.
func TestImportWithFaults(t *testing.T) {
	s := newShell(t)
	members := s.file("members.csv", "siren;name;member_code\n552100555;Faux;12345678\n552100554;Vrai;12345678\n;Vide;1\n732829320;Court;1234567\n")
	for _, args := range [][]string{{"--dry-run"}, {}} {
		code, out, errs := s.run("", append([]string{"company", "import", members}, args...)...)
		if code != 1 || strings.Count(errs, "\n") != 4 || !strings.Contains(errs, "line 2: ") || !strings.Contains(errs, "line 4: ") || !strings.Contains(errs, "line 5: ") ||
			!strings.Contains(errs, "PORTIQUE_MEMBER_CODE_BITS") || strings.Contains(errs, "1234567") || !strings.Contains(errs, "--skip-refused") ||
			!strings.Contains(out, "Nothing changed") || !strings.Contains(out, "1 added") || !strings.Contains(out, "3 refused") {
			t.Errorf("%v: status %d\n%s%s", args, code, errs, out)
		}
		for _, key := range []string{"import.", "siren."} {
			if strings.Contains(errs, key) {
				t.Errorf("a message is not translated: %s", errs)
			}
		}
		if all := s.ok("", "company", "list", "--json"); strings.TrimSpace(all) != "[]" {
			t.Errorf("%v: imported %s", args, all)
		}
	}
	code, out, errs := s.run("", "company", "import", "--skip-refused", members)
	if code != 1 || strings.Count(errs, "\n") != 3 || !strings.Contains(out, "Imported: 1 added") || !strings.Contains(out, "3 refused") {
		t.Errorf("status %d\n%s%s", code, errs, out)
	}
	code, out, _ = s.run("", "company", "import", "--json", members)
	lines := array(t, out, "line outcome", "siren name error")
	if code != 1 || len(lines) != 4 || lines[0]["outcome"] != "refused" || lines[0]["error"] == nil || lines[1]["outcome"] != "unchanged" {
		t.Errorf("status %d, %v", code, lines)
	}
	// What a code must hold is what the operator declared, and one line says that a file is not the newest.
	s.environ = append(s.environ, "PORTIQUE_MEMBER_CODE_BITS=40")
	digits := s.file("digits.csv", "siren;name;member_code\n552100554;Vrai;12345678\n")
	if code, _, errs := s.run("", "company", "import", digits); code != 1 || !strings.Contains(errs, "its strength is 26 bits at most") || !strings.Contains(errs, "says 40") {
		t.Errorf("status %d, %s", code, errs)
	}
	s.environ = s.environ[:1]
	s.ok("", "company", "import", digits)
	s.ok("", "company", "import", s.file("later.csv", "siren;name;member_code\n552100554;Plus vrai;12345678\n"))
	if code, out, errs := s.run("", "company", "import", digits); code != 0 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "another one since") || !strings.Contains(out, "1 changed") {
		t.Errorf("an older file: status %d, %s%s", code, out, errs)
	}
}

// Each fault of the configuration is a line that begins with its variable; nothing is made before it is right.
func TestConfiguration(t *testing.T) {
	s := newShell(t)
	s.environ = append(s.environ, "PORTIQUE_LANGUAGE=de", "PORTIQUE_COLOUR=red")
	code, out, errs := s.run("", "company", "list")
	if code != 1 || out != "" || strings.Count(errs, "\n") != 2 || strings.Count(errs, "portique: PORTIQUE_") != 2 {
		t.Errorf("status %d, %s%s", code, errs, out)
	}
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	// A schema that only the server's owner may touch.
	s = newShell(t)
	s.environ = append(s.environ, "PORTIQUE_MIGRATE=off")
	s.fails(1, "there is no database yet", "", "migrate", "--check")
	if left, _ := os.ReadDir(s.dir); len(left) != 0 {
		t.Errorf("checking left behind: %v", left)
	}
	s.fails(1, "portique migrate", "", "company", "list")
	s.fails(1, "portique migrate", "", "migrate", "--check")
	s.ok("", "migrate")
	s.ok("", "company", "list")
	// Without its key the database stays shut.
	if err := os.Remove(filepath.Join(s.dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	s.fails(1, "master.key", "", "company", "list")
	s.environ = append(s.environ, "PORTIQUE_MASTER_KEY=YW5vdGhlciBtYXN0ZXIga2V5LCBvZiAzMiBieXRlcyE=")
	s.fails(1, "PORTIQUE_MASTER_KEY", "", "company", "list")
}

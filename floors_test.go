package portique_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The house has floors, and a package imports lower floors only. Packages on one floor do not import each other: they meet
// in a rule at the root or in a fact in the store. docs/tour.md tells why.
//
// A new package is placed by adding its name here, relative to the module. A folder below a named package belongs to it.
var floors = [][]string{
	0: {"."},
	1: {"internal/store"},
	2: {
		"internal/account", "internal/session", "internal/company", "internal/access", "internal/mandate",
		"internal/tool", "internal/operator", "internal/audit", "internal/mail",
	},
	3: {"internal/web", "internal/api", "internal/oidc", "internal/job"},
	4: {"internal/server"},
	5: {"internal/cli", "internal/demo"},
	6: {"cmd/portique"},
}

// beside stands next to the stairs: every floor but the root may use it, and it uses nothing of ours but the root.
var beside = []string{"internal/i18n", "internal/config", "internal/secret", "internal/telemetry", "internal/outgoing"}

// outside looks at the house from the street and is imported by nobody in it. Journeys and examples see what a stranger sees:
// they import nothing of ours at all.
var outside = []string{"e2e", "bench", "examples", "tools", "scripts"}

// sameFloor lists the imports allowed between neighbours, each with its reason.
var sameFloor = map[[2]string]string{
	{"internal/cli", "internal/demo"}: "the demo is a command",
}

// promises is the list of what the journeys check for the page /accessibility, which says no more: the one thing of ours
// that they name.
const promises = "internal/web/accessibility"

const module = "portique"

func TestFloors(t *testing.T) {
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		from, ok := relative(p.ImportPath)
		if !ok {
			continue
		}
		if place(from) == nowhere {
			t.Errorf("package %s has no floor: place it in floors_test.go", from)
			continue
		}
		for _, i := range p.Imports {
			if to, ours := relative(i); ours {
				if complaint := mayImport(from, to); complaint != "" {
					t.Error(complaint)
				}
			}
		}
	}
}

// mayImport returns the empty string, or a sentence saying why from must not import to.
func mayImport(from, to string) string {
	a, b := place(from), place(to)
	switch {
	case owner(from) == owner(to):
		return ""
	case owner(from) == "e2e" && to == promises:
		return ""
	case owner(from) == "e2e", owner(from) == "examples":
		return fmt.Sprintf("%s imports %s: journeys and examples see the built program only", from, to)
	case a == street && b != street:
		return ""
	case b == nowhere:
		return "" // said once, where that package is listed
	case b == street:
		return fmt.Sprintf("%s imports %s, which stands outside the house", from, to)
	case a == stairs && b != 0:
		return fmt.Sprintf("%s stands beside the stairs and may import the root only, not %s", from, to)
	case a == stairs:
		return ""
	case b == stairs && a == 0:
		return fmt.Sprintf("the root imports %s: words and rules import nothing of ours", to)
	case b == stairs || b < a:
		return ""
	case a == b && sameFloor[[2]string{owner(from), owner(to)}] != "":
		return ""
	case a == b:
		return fmt.Sprintf("%s imports its neighbour %s (floor %d): let them meet in a rule at the root or a fact in the store", from, to, a)
	default:
		return fmt.Sprintf("%s (floor %d) imports %s from floor %d above it", from, a, to, b)
	}
}

const (
	nowhere = -1 - iota
	stairs
	street
)

// place returns the floor of a package, or stairs, street or nowhere.
func place(pkg string) int {
	o := owner(pkg)
	for n, names := range floors {
		if slices.Contains(names, o) {
			return n
		}
	}
	switch {
	case slices.Contains(beside, o):
		return stairs
	case slices.Contains(outside, o):
		return street
	}
	return nowhere
}

// owner returns the named package that pkg is or lies below: internal/web/template belongs to internal/web.
func owner(pkg string) string {
	for _, names := range append(slices.Clone(floors), beside, outside) {
		for _, name := range names {
			if pkg == name || name != "." && strings.HasPrefix(pkg, name+"/") {
				return name
			}
		}
	}
	return pkg
}

// relative returns an import path without the module's name, and whether it is one of ours.
func relative(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// The guard itself is guarded: each of these was once a way round it.
func TestFloorsRefuse(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"internal/access", "internal/store", true},
		{"internal/access", "internal/company", false},
		{"internal/store", "internal/access", false},
		{"internal/web", "internal/web/template", true},
		{"internal/web/template", "internal/web", true},
		{"internal/web/template", "internal/oidc", false},
		{"internal/web/template", "internal/server", false},
		{"internal/store/storetest", "internal/store", true},
		{"internal/store/storetest", "internal/mail", false},
		{"internal/i18n", ".", true},
		{"internal/i18n", "internal/secret", false},
		{"internal/store", "internal/secret", true},
		{".", "internal/i18n", false},
		{".", "internal/store", false},
		{"internal/cli", "internal/demo", true},
		{"internal/demo", "internal/cli", false},
		{"internal/server", "internal/cli", false},
		{"cmd/portique", "internal/cli", true},
		{"internal/web", "e2e", false},
		{"e2e", "internal/store", false},
		{"bench", "internal/store", true},
	} {
		if complaint := mayImport(c.from, c.to); (complaint == "") != c.allowed {
			t.Errorf("%s importing %s: allowed = %v, want %v (%s)", c.from, c.to, complaint == "", c.allowed, complaint)
		}
	}
	if place("internal/novelty") != nowhere || place("internal/webby") != nowhere {
		t.Error("an unknown package was given a floor")
	}
}

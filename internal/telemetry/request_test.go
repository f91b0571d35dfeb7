package telemetry

import "testing"

func TestNumber(t *testing.T) {
	for id, want := range map[string]string{"0197f3a0-7c1e-7b7e-9d2f-3b1c5d7e9f10": "5d7e9f10", "": "", "short": "short"} {
		if got := (Request{ID: id}).Number(); got != want {
			t.Errorf("%q is quoted %q", id, got)
		}
	}
}

func TestPath(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/",
		"/companies/552100554/users/0197f3a0-7c1e-7b7e-9d2f-3b1c5d7e9f10/role": "/companies/552100554/users/0197f3a0-7c1e-7b7e-9d2f-3b1c5d7e9f10/role",
		"/.well-known/oauth-authorization-server":                              "/.well-known/oauth-authorization-server",
		"/validate/kX3vQ0aJrW8mYt5uZ1bN2cD4eF6gH7iJ9kL0mN1oP2q":                "/validate/…",
		"/validate/token=kX3vQ0aJrW8mYt5u&x":                                   "/validate/…",
		"/0197f3a0-7c1e-7b7e-9d2f-3b1c5d7e9f10.kX3vQ0aJrW8m/x":                 "/…/x",
	} {
		if got := Path(path); got != want {
			t.Errorf("%s is written %s, want %s", path, got, want)
		}
	}
}

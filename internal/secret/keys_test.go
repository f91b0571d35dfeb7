package secret

import (
	"bytes"
	"encoding/base64"
	"errors"
	"slices"
	"testing"
	"time"
)

func keys(t *testing.T, fill byte) *Keys {
	t.Helper()
	k, err := NewKeys(bytes.Repeat([]byte{fill}, MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestNewKeys(t *testing.T) {
	for _, size := range []int{0, 16, 31, 33, 64} {
		if _, err := NewKeys(make([]byte, size)); err == nil {
			t.Errorf("a master key of %d bytes is accepted", size)
		}
	}
	master := make([]byte, MasterKeySize)
	k, err := NewKeys(master)
	if err != nil {
		t.Fatal(err)
	}
	before := k.Mac("x")
	master[0] = 1 // the caller may wipe its own copy
	if !Equal(before, k.Mac("x")) {
		t.Error("the keys follow the caller's slice")
	}
}

func TestSeal(t *testing.T) {
	k := keys(t, 1)
	for _, plain := range []string{"", "123456", string(make([]byte, 5000))} {
		sealed := k.Seal("letter", "id-1", []byte(plain))
		if bytes.Contains(sealed, []byte("123456")) {
			t.Error("a sealed value can be read")
		}
		if again := k.Seal("letter", "id-1", []byte(plain)); bytes.Equal(sealed, again) {
			t.Error("the same value is sealed the same way twice")
		}
		got, err := k.Open("letter", "id-1", sealed)
		if err != nil || string(got) != plain {
			t.Errorf("%d bytes came back as %d: %v", len(plain), len(got), err)
		}
		refused := func(what string, k *Keys, purpose, context string, sealed []byte) {
			t.Helper()
			if got, err := k.Open(purpose, context, sealed); !errors.Is(err, ErrSealed) || got != nil {
				t.Errorf("%s: %q, %v", what, got, err)
			}
		}
		refused("another key", keys(t, 2), "letter", "id-1", sealed)
		refused("another purpose", k, "flash", "id-1", sealed)
		refused("another letter", k, "letter", "id-2", sealed)
		refused("cut", k, "letter", "id-1", sealed[:len(sealed)-1])
		refused("a nonce only", k, "letter", "id-1", sealed[:12])
		refused("nearly nothing", k, "letter", "id-1", sealed[:3])
		refused("nothing", k, "letter", "id-1", nil)
		for i := range sealed[:min(len(sealed), 40)] {
			altered := bytes.Clone(sealed)
			altered[i] ^= 1
			refused("altered", k, "letter", "id-1", altered)
		}
	}
}

// No two lists of parts, and no two purposes, share a keyed hash.
func TestMac(t *testing.T) {
	k := keys(t, 1)
	seen := map[string]string{}
	for name, mac := range map[string][]byte{
		"ab, c":               k.Mac("p", "ab", "c"),
		"a, bc":               k.Mac("p", "a", "bc"),
		"abc":                 k.Mac("p", "abc"),
		"abc and nothing":     k.Mac("p", "abc", ""),
		"nothing and abc":     k.Mac("p", "", "abc"),
		"a forged length":     k.Mac("p", "2:ab1:c"),
		"nothing":             k.Mac("p"),
		"another purpose":     k.Mac("q", "ab", "c"),
		"the purpose shifted": k.Mac("pab", "c"),
		"another key":         keys(t, 2).Mac("p", "ab", "c"),
		"a member code":       k.MemberCode("552100554", "CODE"),
		"of another company":  k.MemberCode("732829320", "CODE"),
		"a sign-up's code":    k.TypedCode("sign-up", "id", "123456"),
		"its disown code":     k.TypedCode("disown", "id", "123456"),
		"of another sign-up":  k.TypedCode("sign-up", "id2", "123456"),
	} {
		if len(mac) != 32 {
			t.Errorf("%s: %d bytes", name, len(mac))
		}
		if other, same := seen[string(mac)]; same {
			t.Errorf("%q and %q have the same hash", name, other)
		}
		seen[string(mac)] = name
	}
	if !Equal(k.Mac("p", "ab", "c"), keys(t, 1).Mac("p", "ab", "c")) {
		t.Error("the same parts under the same key give two hashes")
	}
}

func TestTokensAndDigits(t *testing.T) {
	seen := map[string]bool{}
	zero := false
	for range 2000 {
		token := Token()
		if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 || seen[token] {
			t.Fatalf("token %q", token)
		}
		seen[token] = true
		code := Digits(6)
		for _, c := range code {
			if len(code) != 6 || c < '0' || c > '9' {
				t.Fatalf("code %q", code)
			}
		}
		zero = zero || code[0] == '0'
	}
	if !zero { // one in ten begins so
		t.Error("no code begins with 0")
	}
	if Equal(Hash("a"), Hash("b")) || !Equal(Hash("a"), Hash("a")) || Equal([]byte("a"), []byte("ab")) || len(Hash("")) != 32 {
		t.Error("Equal or Hash")
	}
}

// Timed tokens are kept in the order in which they were made, and are found by nothing but themselves.
func TestTimedToken(t *testing.T) {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	var keys [][]byte
	for i := range 200 {
		token := TimedToken(at.Add(time.Duration(i) * time.Millisecond))
		key := Key(token)
		if len(token) != 51 || bytes.Contains(key, []byte(token)) || !bytes.Equal(key[6:], Hash(token)) {
			t.Fatalf("%s is kept as %x", token, key)
		}
		for _, other := range []string{token[:8], token[8:], token + "A", token[:50], "B" + token[1:], token[:50] + "!"} {
			if bytes.Equal(Key(other), key) {
				t.Errorf("%s is found by %s", token, other)
			}
		}
		keys = append(keys, key)
	}
	if !slices.IsSortedFunc(keys, bytes.Compare) {
		t.Error("the keys are not in order")
	}
	if a, b := TimedToken(at), TimedToken(at); a == b {
		t.Error("two tokens of one moment are the same")
	}
	if other := Token(); !bytes.Equal(Key(other), Hash(other)) {
		t.Errorf("%s is kept as %x", other, Key(other))
	}
}

package oidc

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"portique"
	"portique/internal/secret"
	"portique/internal/store"
	"portique/internal/tool"
)

// What tools may sign their own proofs with.
var proofAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.PS256, jose.EdDSA}

// How old a proof may be, and how far clocks may be apart.
const (
	assertionLife = time.Hour   // from now to its end, at most: as long as common libraries make them
	dpopLife      = time.Minute // since it was made
	clockSkew     = time.Minute
)

// maxProof is the longest proof read, in bytes, and maxJTI the longest name of
// one.
const (
	maxProof = 8 << 10
	maxJTI   = 256
)

// assertedClient is whom a client assertion says it is of, not yet verified.
func assertedClient(assertion string) (string, bool) {
	if len(assertion) > maxProof {
		return "", false
	}
	token, err := jwt.ParseSigned(assertion, proofAlgorithms)
	if err != nil || len(token.Headers) != 1 {
		return "", false
	}
	var c jwt.Claims
	if token.UnsafeClaimsWithoutVerification(&c) != nil || c.Issuer == "" || c.Issuer != c.Subject {
		return "", false
	}
	return c.Issuer, true
}

// checkAssertion verifies a client assertion (RFC 7523 3, OpenID Connect Core
// 9): signed by a key of the tool, for us, in time, used once.
func (p *Provider) checkAssertion(tx *store.Tx, looking bool, t *portique.Tool, assertion, endpoint string) error {
	token, err := jwt.ParseSigned(assertion, proofAlgorithms)
	if err != nil || len(token.Headers) != 1 {
		return errInvalidClient
	}
	var c jwt.Claims
	if !verifiedBy(t.JWKS, token, &c) {
		if t.JWKSURI != "" {
			p.fetches.want(t.ID) // a new key, perhaps
		}
		return errInvalidClient
	}
	now := tx.Now()
	audience := slices.ContainsFunc(c.Audience, func(a string) bool {
		return a == p.issuer || a == p.issuer+pathToken || a == p.issuer+endpoint
	})
	switch {
	case c.Issuer != t.ID, c.Subject != t.ID, !audience:
	case c.Expiry == nil, !now.Before(c.Expiry.Time().Add(clockSkew)), c.Expiry.Time().Sub(now) > assertionLife+clockSkew:
	case c.NotBefore != nil && now.Add(clockSkew).Before(c.NotBefore.Time()):
	case c.IssuedAt != nil && now.Add(clockSkew).Before(c.IssuedAt.Time()):
	case c.ID == "", len(c.ID) > maxJTI:
	case looking:
		return nil
	default:
		fresh, err := tx.SeeProof(secret.Hash("assertion "+t.ID+" "+c.ID), c.Expiry.Time().Add(clockSkew))
		if err != nil || fresh {
			return err
		}
	}
	return errInvalidClient
}

// verifiedBy says whether a key of a set (RFC 7517) signed the token, and reads
// its claims. A token that names a key is tried with that one only.
func verifiedBy(set string, token *jwt.JSONWebToken, claims any) bool {
	var keys jose.JSONWebKeySet
	if json.Unmarshal([]byte(set), &keys) != nil {
		return false
	}
	header := token.Headers[0]
	for _, key := range keys.Keys {
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm || key.Use == "enc" {
			continue
		}
		if key.Valid() && key.IsPublic() && token.Claims(key.Key, claims) == nil {
			return true
		}
	}
	return false
}

// errProof: a DPoP proof is wrong (RFC 9449 5).
func errProof(why string) *refusal { return refuse("invalid_dpop_proof", why) }

// proofOf verifies the DPoP proof of a request (RFC 9449 4.3) and returns the
// thumbprint of its key; "" without one. token is the access token presented
// with it, "" at the token endpoint.
func (p *Provider) proofOf(tx *store.Tx, r *http.Request, token string) (string, error) {
	sent := r.Header["Dpop"]
	if len(sent) == 0 {
		return "", nil
	}
	if len(sent) > 1 || len(sent[0]) > maxProof {
		return "", errProof("there is one DPoP header, of 8 KiB at most")
	}
	parsed, err := jwt.ParseSigned(sent[0], proofAlgorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return "", errProof("the proof is a JWT signed by ES256, RS256, PS256 or EdDSA")
	}
	header := parsed.Headers[0]
	key := header.JSONWebKey
	if header.ExtraHeaders[jose.HeaderType] != "dpop+jwt" || key == nil || !tool.Strong(key) {
		return "", errProof("the proof has the type dpop+jwt and its public key as jwk")
	}
	var c struct {
		jwt.Claims
		Method string `json:"htm"`
		URL    string `json:"htu"`
		Token  string `json:"ath"`
	}
	if parsed.Claims(key.Key, &c) != nil {
		return "", errProof("the signature of the proof is wrong")
	}
	now := tx.Now()
	switch {
	case c.Method != r.Method, !sameTarget(c.URL, p.issuer+r.URL.Path):
		return "", errProof("the proof is for another request: htm and htu name the method and the address")
	case c.IssuedAt == nil, now.Sub(c.IssuedAt.Time()) > dpopLife, c.IssuedAt.Time().Sub(now) > clockSkew:
		return "", errProof("the proof was not made in the last minute: iat")
	case c.ID == "", len(c.ID) > maxJTI:
		return "", errProof("the proof has no jti")
	case token != "" && !secret.Equal([]byte(c.Token), []byte(base64.RawURLEncoding.EncodeToString(secret.Hash(token)))):
		return "", errProof("the proof is not for this access token: ath")
	}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", errProof("the key of the proof has no thumbprint")
	}
	thumbprint := base64.RawURLEncoding.EncodeToString(print)
	fresh, err := tx.SeeProof(secret.Hash("dpop "+thumbprint+" "+c.ID), c.IssuedAt.Time().Add(dpopLife+clockSkew))
	if err != nil {
		return "", err
	}
	if !fresh {
		return "", errProof("the proof was used before: make a new one for each request")
	}
	return thumbprint, nil
}

// sameTarget compares the address of a proof with ours, without query and
// fragment (RFC 9449 4.3, 9).
func sameTarget(sent, ours string) bool {
	u, err := url.Parse(sent)
	if err != nil {
		return false
	}
	o, err := url.Parse(ours)
	return err == nil && strings.EqualFold(u.Scheme, o.Scheme) && strings.EqualFold(u.Host, o.Host) && u.EscapedPath() == o.EscapedPath()
}

// halfHash is the left half of a hash by SHA-256 (Core 3.1.3.6): at_hash of both
// our algorithms.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

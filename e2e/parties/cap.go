package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/cap/oidc"
	"github.com/hashicorp/cap/oidc/clientassertion"
	"golang.org/x/oauth2"
)

// hashicorp is a tool on hashicorp/cap, which verifies ID tokens and nothing else, but all of them: aud, azp, alg, iat, exp, nonce,
// at_hash, auth_time.
func hashicorp(s *settings, id, algorithm string) (*party, error) {
	provider, err := capProvider(s, id, oidc.Alg(algorithm))
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	begun := map[string]oidc.Request{} // by state
	return &party{
		login: func(w http.ResponseWriter, r *http.Request) {
			request, err := capRequest(s, id)
			var to string
			if err == nil {
				to, err = provider.AuthURL(r.Context(), request)
			}
			if err != nil {
				say(w, err)
				return
			}
			mu.Lock()
			begun[request.State()] = request
			mu.Unlock()
			http.Redirect(w, r, to, http.StatusSeeOther)
		},
		callback: func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			request := begun[r.FormValue("state")]
			mu.Unlock()
			if request == nil || r.FormValue("iss") != s.Issuer {
				say(w, fmt.Errorf("not begun here, or another iss: %s", r.URL))
				return
			}
			say(w, capVisit(r.Context(), s, provider, id, oidc.Alg(algorithm), request, r.FormValue("code")))
		},
	}, nil
}

func capProvider(s *settings, id string, algorithm oidc.Alg, options ...oidc.Option) (*oidc.Provider, error) {
	options = append(options, oidc.WithScopes("profile", "email", "company"), oidc.WithAudiences(id))
	config, err := oidc.NewConfig(s.Issuer, id, oidc.ClientSecret(s.Secrets[id]), []oidc.Alg{algorithm}, []string{s.returning(id)}, options...)
	if err != nil {
		return nil, err
	}
	return oidc.NewProvider(config)
}

func capRequest(s *settings, id string) (oidc.Request, error) {
	verifier, err := oidc.NewCodeVerifier()
	if err != nil {
		return nil, err
	}
	options := []oidc.Option{oidc.WithPKCE(verifier), oidc.WithMaxAge(3600), oidc.WithACRValues("portique:1")}
	if s.Secrets[id] == "" {
		key, err := rsaKey(s.Key)
		if err != nil {
			return nil, err
		}
		proof, err := clientassertion.NewJWTWithRSAKey(id, []string{s.Issuer}, clientassertion.RS256, key, clientassertion.WithKeyID(s.KeyID))
		if err != nil {
			return nil, err
		}
		options = append(options, oidc.WithClientAssertionJWT(proof))
	}
	return oidc.NewRequest(5*time.Minute, s.returning(id), options...)
}

// capVisit redeems a code, and then looks at the ID token once more in the wrong way: what it says must be there to be refused.
func capVisit(ctx context.Context, s *settings, provider *oidc.Provider, id string, algorithm oidc.Alg, request oidc.Request, code string) error {
	token, err := provider.Exchange(ctx, request, request.State(), code)
	if err != nil {
		return err
	}
	var claims struct {
		Subject string `json:"sub"`
		Company struct{ SIREN string }
	}
	if err := token.IDToken().Claims(&claims); err != nil || len(claims.Company.SIREN) != 9 {
		return fmt.Errorf("the ID token says %+v: %w", claims, err)
	}
	if looked, err := token.IDToken().VerifyAccessToken(token.AccessToken()); err != nil || !looked {
		return fmt.Errorf("at_hash: looked at %v: %w", looked, err)
	}
	if looked, err := token.IDToken().VerifyAccessToken(token.AccessToken() + "x"); err == nil {
		return fmt.Errorf("at_hash of another access token: looked at %v and accepted", looked)
	}
	var info struct{ Email string }
	if err := provider.UserInfo(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: string(token.AccessToken())}), claims.Subject, &info); err != nil || info.Email == "" {
		return fmt.Errorf("userinfo says %+v: %w", info, err)
	}
	other := oidc.ES256
	if algorithm == other {
		other = oidc.RS256
	}
	at := func(d time.Duration) oidc.Option { return oidc.WithNow(func() time.Time { return time.Now().Add(d) }) }
	for _, wrong := range []struct {
		what, id  string
		algorithm oidc.Alg
		when      time.Duration
		err       error // nil for any
	}{
		{what: "another tool", id: "somebody", algorithm: algorithm, err: oidc.ErrInvalidAudience},
		{what: "another algorithm", id: id, algorithm: other},
		{what: "tomorrow", id: id, algorithm: algorithm, when: 24 * time.Hour, err: oidc.ErrExpiredToken},
		{what: "yesterday", id: id, algorithm: algorithm, when: -24 * time.Hour, err: oidc.ErrInvalidIssuedAt},
	} {
		p, err := capProvider(s, wrong.id, wrong.algorithm, at(wrong.when))
		if err != nil {
			return err
		}
		if _, err := p.VerifyIDToken(ctx, token.IDToken(), request); err == nil || wrong.err != nil && !errors.Is(err, wrong.err) {
			return fmt.Errorf("%s: refused by %w", wrong.what, err)
		}
		p.Done()
	}
	strange, err := capRequest(s, id)
	if err != nil {
		return err
	}
	if _, err := provider.VerifyIDToken(ctx, token.IDToken(), strange); !errors.Is(err, oidc.ErrInvalidNonce) {
		return fmt.Errorf("the nonce of another sign-in: %w", err)
	}
	return nil
}

func rsaKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

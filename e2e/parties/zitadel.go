package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zhttp "github.com/zitadel/oidc/v3/pkg/http"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

type (
	zTokens = *oidc.Tokens[*oidc.IDTokenClaims]
	zInfo   = *oidc.UserInfo
)

// zitadel is a tool on the client packages of zitadel/oidc.
func zitadel(s *settings, id, algorithm string) (*party, error) {
	ctx := context.Background()
	keys := [2][]byte{make([]byte, 32), make([]byte, 32)}
	for _, key := range keys {
		_, _ = rand.Read(key) // never fails
	}
	options := []rp.Option{
		rp.WithPKCE(zhttp.NewCookieHandler(keys[0], keys[1], zhttp.WithUnsecure())), // http on this machine
		rp.WithVerifierOpts(rp.WithSupportedSigningAlgorithms(algorithm)),
	}
	resource, err := rs.NewResourceServerClientCredentials(ctx, s.Issuer, id, s.Secrets[id])
	if s.Secrets[id] == "" {
		options = append(options, rp.WithJWTProfile(rp.SignerFromKeyAndKeyID([]byte(s.Key), s.KeyID)))
		resource, err = rs.NewResourceServerJWTProfile(ctx, s.Issuer, id, s.KeyID, []byte(s.Key))
	}
	if err != nil {
		return nil, err
	}
	tool, err := rp.NewRelyingPartyOIDC(ctx, s.Issuer, id, s.Secrets[id], s.returning(id),
		[]string{"openid", "profile", "email", "company", "offline_access"}, options...)
	if err != nil {
		return nil, err
	}
	// Its scopes would be asked for a token in its own name as well, where Portique knows none.
	own, err := rp.NewRelyingPartyOIDC(ctx, s.Issuer, id, s.Secrets[id], s.returning(id), nil)
	if err != nil {
		return nil, err
	}
	visit := func(w http.ResponseWriter, r *http.Request, tokens zTokens, _ string, tool rp.RelyingParty, info zInfo) {
		if err := zitadelVisit(r.Context(), tool, own, resource, tokens, info); err != nil {
			say(w, err)
			return
		}
		// The library calls the sign-out itself, where nobody is known, and returns where to send the browser.
		to, err := rp.EndSession(r.Context(), tool, tokens.IDToken, s.leaving(id), "left", "", nil)
		if err != nil || to == nil {
			say(w, fmt.Errorf("the sign-out leads to %v: %w", to, err))
			return
		}
		http.Redirect(w, r, to.String(), http.StatusSeeOther)
	}
	return &party{rp.AuthURLHandler(rand.Text, tool), rp.CodeExchangeHandler(rp.UserinfoCallback(visit), tool), zitadelDevice(tool)}, nil
}

// zitadelDevice is a device (RFC 8628): its first visit begins and sends the browser to the page that the device would show, the second
// takes what was agreed to.
func zitadelDevice(tool rp.RelyingParty) http.HandlerFunc {
	var waiting *oidc.DeviceAuthorizationResponse
	return func(w http.ResponseWriter, r *http.Request) {
		if waiting == nil {
			begun, err := rp.DeviceAuthorization(r.Context(), []string{"openid", "email", "company"}, tool, nil)
			if err != nil {
				say(w, fmt.Errorf("device: %w", err))
				return
			}
			waiting = begun
			http.Redirect(w, r, begun.VerificationURIComplete, http.StatusSeeOther)
			return
		}
		// The library waits so long before it asks, and no longer for the answer.
		got, err := rp.DeviceAccessToken(r.Context(), waiting.DeviceCode, 2*time.Second, tool)
		if err == nil {
			var claims *oidc.IDTokenClaims
			claims, err = rp.VerifyTokens[*oidc.IDTokenClaims](r.Context(), got.AccessToken, got.IDToken, tool.IDTokenVerifier())
			if err == nil {
				_, err = rp.Userinfo[zInfo](r.Context(), got.AccessToken, got.TokenType, claims.Subject, tool)
			}
		}
		say(w, err)
	}
}

// zitadelVisit does with the tokens of a sign-in all that a tool can do; the library has verified the ID token.
func zitadelVisit(ctx context.Context, tool, own rp.RelyingParty, resource rs.ResourceServer, tokens zTokens, info zInfo) error {
	told, _ := info.Claims["company"].(map[string]any)
	siren, _ := told["siren"].(string)
	company, _ := tokens.IDTokenClaims.Claims["company"].(map[string]any)
	if info.Email == "" || len(siren) != 9 || company["siren"] != siren {
		return fmt.Errorf("userinfo says %q and %v, the ID token %v", info.Email, told, company)
	}
	refreshed, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, tool, tokens.RefreshToken, "", "")
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	if refreshed.IDTokenClaims.Subject != info.Subject || refreshed.RefreshToken == tokens.RefreshToken {
		return errors.New("the refresh is for somebody else, or gave no successor")
	}
	active := func(token string) (*oidc.IntrospectionResponse, error) {
		told, err := rs.Introspect[*oidc.IntrospectionResponse](ctx, resource, token)
		if err != nil {
			return nil, fmt.Errorf("introspection: %w", err)
		}
		return told, nil
	}
	seen, err := active(refreshed.AccessToken)
	if err != nil {
		return err
	}
	if !seen.Active || seen.Subject != info.Subject || seen.ClientID != tool.OAuthConfig().ClientID || seen.Issuer != tool.Issuer() {
		return fmt.Errorf("introspection says %+v", seen)
	}
	if tool.Signer() == nil { // the library does this with a secret only
		token, err := rp.ClientCredentials(ctx, own, nil)
		if err != nil {
			return fmt.Errorf("a token in its own name: %w", err)
		}
		if seen, err := active(token.AccessToken); err != nil || !seen.Active || seen.ClientID != tool.OAuthConfig().ClientID {
			return fmt.Errorf("introspection of it says %+v: %w", seen, err)
		}
	}
	for hint, token := range map[string]string{"access_token": refreshed.AccessToken, "refresh_token": refreshed.RefreshToken} {
		if err := rp.RevokeToken(ctx, tool, token, hint); err != nil {
			return fmt.Errorf("giving the %s back: %w", hint, err)
		}
		if seen, err := active(token); err != nil || seen.Active {
			return fmt.Errorf("the %s given back is %+v: %w", hint, seen, err)
		}
	}
	// Token exchange (client/tokenexchange) belongs here, once Portique offers it.
	return nil
}

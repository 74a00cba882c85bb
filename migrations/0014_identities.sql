-- Who somebody is at a provider of single sign-on. The provider's name for them is bound, never their address, which may be
-- given to another person there.
CREATE TABLE identities (
    issuer     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    bound_at   BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject),
    -- One person there is one person here.
    UNIQUE (account_id, issuer)
);

-- Whether the provider asked for the second step of this session.
ALTER TABLE sessions ADD COLUMN provider_step BIGINT NOT NULL DEFAULT 0;

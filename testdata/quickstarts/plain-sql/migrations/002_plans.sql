CREATE TABLE plans (
    name text PRIMARY KEY,
    seats int NOT NULL
);
INSERT INTO plans VALUES ('free', 3), ('team', 25);

ALTER TABLE users ADD COLUMN plan text NOT NULL DEFAULT 'free' REFERENCES plans;

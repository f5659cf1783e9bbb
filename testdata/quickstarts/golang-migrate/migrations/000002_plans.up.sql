CREATE TABLE plans (
    name text PRIMARY KEY,
    seats int NOT NULL
);
INSERT INTO plans VALUES ('free', 3), ('team', 25);

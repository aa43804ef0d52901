-- A small bike rental: what the text-to-SQL examples are about. Works in SQLite.

CREATE TABLE stations (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    district TEXT NOT NULL,
    docks INTEGER NOT NULL,
    opened_on TEXT NOT NULL              -- YYYY-MM-DD
);

CREATE TABLE bikes (
    id INTEGER PRIMARY KEY,
    model TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('city', 'electric', 'cargo')),
    station_id INTEGER REFERENCES stations (id),  -- NULL while the bike is rented or repaired
    bought_on TEXT NOT NULL,
    price REAL NOT NULL                  -- euros
);

CREATE TABLE riders (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT,
    plan TEXT NOT NULL CHECK (plan IN ('casual', 'monthly', 'annual')),
    joined_on TEXT NOT NULL
);

CREATE TABLE rentals (
    id INTEGER PRIMARY KEY,
    rider_id INTEGER NOT NULL REFERENCES riders (id),
    bike_id INTEGER NOT NULL REFERENCES bikes (id),
    start_station_id INTEGER NOT NULL REFERENCES stations (id),
    end_station_id INTEGER REFERENCES stations (id),  -- NULL while the rental is open
    started_at TEXT NOT NULL,            -- YYYY-MM-DD HH:MM
    ended_at TEXT,                       -- NULL while the rental is open
    cost REAL                            -- euros; NULL while the rental is open
);

CREATE TABLE repairs (
    id INTEGER PRIMARY KEY,
    bike_id INTEGER NOT NULL REFERENCES bikes (id),
    problem TEXT NOT NULL,
    reported_on TEXT NOT NULL,
    fixed_on TEXT,                       -- NULL while the repair is open
    cost REAL                            -- euros; NULL while the repair is open
);

INSERT INTO stations (id, name, district, docks, opened_on) VALUES
    (1, 'Harbour', 'North', 20, '2023-04-01'),
    (2, 'Market Square', 'Centre', 30, '2023-04-01'),
    (3, 'University', 'East', 24, '2023-09-15'),
    (4, 'Old Mill', 'South', 12, '2024-03-20'),
    (5, 'Central Station', 'Centre', 40, '2024-05-02'),
    (6, 'Riverside Park', 'South', 16, '2025-02-10');

INSERT INTO bikes (id, model, kind, station_id, bought_on, price) VALUES
    (1, 'Breeze 3', 'city', 1, '2023-03-10', 420.0),
    (2, 'Breeze 3', 'city', 1, '2023-03-10', 420.0),
    (3, 'Breeze 7', 'city', 2, '2023-08-22', 510.0),
    (4, 'Volt', 'electric', 2, '2024-01-15', 1850.0),
    (5, 'Volt', 'electric', 3, '2024-01-15', 1850.0),
    (6, 'Volt Plus', 'electric', 5, '2024-11-05', 2240.0),
    (7, 'Mule', 'cargo', 5, '2024-04-18', 2690.0),
    (8, 'Mule', 'cargo', NULL, '2024-04-18', 2690.0),
    (9, 'Breeze 7', 'city', 4, '2025-01-20', 540.0),
    (10, 'Volt Plus', 'electric', NULL, '2025-02-03', 2190.0),
    (11, 'Breeze 7', 'city', 5, '2025-01-20', 540.0);

INSERT INTO riders (id, name, email, plan, joined_on) VALUES
    (1, 'Ada Brandt', 'ada@example.com', 'annual', '2023-04-03'),
    (2, 'Bruno Costa', 'bruno@example.com', 'monthly', '2023-10-11'),
    (3, 'Chiara Rossi', 'chiara@example.com', 'casual', '2024-02-29'),
    (4, 'Daniel Okafor', NULL, 'casual', '2024-06-17'),
    (5, 'Elif Yilmaz', 'elif@example.com', 'annual', '2024-09-01'),
    (6, 'Farid Haddad', 'farid@example.com', 'monthly', '2025-01-09'),
    (7, 'Greta Holm', NULL, 'casual', '2025-03-22');

INSERT INTO rentals
    (id, rider_id, bike_id, start_station_id, end_station_id, started_at, ended_at, cost)
VALUES
    (1, 1, 1, 1, 2, '2024-05-04 08:10', '2024-05-04 08:32', 2.2),
    (2, 1, 3, 2, 1, '2024-05-04 17:45', '2024-05-04 18:09', 2.4),
    (3, 2, 4, 2, 5, '2024-07-19 09:00', '2024-07-19 09:20', 4.0),
    (4, 3, 7, 5, 4, '2024-08-10 11:15', '2024-08-10 13:45', 22.5),
    (5, 4, 2, 1, 1, '2024-08-11 10:00', '2024-08-11 10:50', 5.0),
    (6, 5, 5, 3, 2, '2024-10-02 07:55', '2024-10-02 08:15', 4.0),
    (7, 5, 5, 2, 3, '2025-01-14 18:20', '2025-01-14 18:44', 4.8),
    (8, 6, 6, 5, 3, '2025-01-15 08:30', '2025-01-15 08:48', 3.6),
    (9, 1, 4, 2, 6, '2025-02-15 14:00', '2025-02-15 15:10', 14.0),
    (10, 2, 9, 4, 2, '2025-03-01 09:05', '2025-03-01 09:40', 3.5),
    (11, 6, 6, 3, 5, '2025-03-03 17:30', '2025-03-03 17:50', 4.0),
    (12, 7, 11, 5, 6, '2025-03-23 12:00', '2025-03-23 13:30', 9.0),
    (13, 1, 1, 2, 1, '2025-04-02 08:05', '2025-04-02 08:27', 2.2),
    (14, 3, 8, 2, NULL, '2025-04-05 10:00', NULL, NULL);

INSERT INTO repairs (id, bike_id, problem, reported_on, fixed_on, cost) VALUES
    (1, 2, 'flat tyre', '2024-08-11', '2024-08-12', 18.0),
    (2, 4, 'battery', '2024-09-03', '2024-09-20', 310.0),
    (3, 7, 'brakes', '2024-11-12', '2024-11-14', 65.0),
    (4, 1, 'flat tyre', '2025-01-07', '2025-01-07', 18.0),
    (5, 5, 'battery', '2025-02-18', '2025-03-01', 295.0),
    (6, 9, 'chain', '2025-03-02', '2025-03-04', 32.0),
    (7, 4, 'brakes', '2025-03-10', '2025-03-13', 58.0),
    (8, 10, 'battery', '2025-04-01', NULL, NULL);

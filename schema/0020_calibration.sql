-- Lists that lanes try themselves with: a plate that cannot exist, made up by the lane again and again.  Their hits are told apart, and a gate suspends no such list
-- for hitting too much; so they are small, open, for their agency alone, and their hits are gone soon.
ALTER TABLE lists ADD calibration boolean NOT NULL DEFAULT false,
                  ADD CHECK (NOT (calibration AND (covert OR grade = 3)));
ALTER TABLE list_requests ADD calibration boolean NOT NULL DEFAULT false;

-- When a lane's certificate ends, as the lane reports it, and whether that worries it: nobody renews it, and little is left.
ALTER TABLE lanes ADD certificate_ends_ms bigint,                   -- since 1970; null: it does not say
                  ADD certificate_alarm boolean NOT NULL DEFAULT false;

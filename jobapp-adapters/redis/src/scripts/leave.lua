-- The user ARGV[2] is not at the gateway ARGV[1] any more.
return done(depart(ARGV[1], ARGV[2]))

# Makes a C file out of the migrations given, byte for byte: number, name and text of each, in order.
# Every file ends with a newline and holds no carriage return.
FNR == 1 {
    if (started) print "    \"\" },"
    else print "#include \"server/gate/db/migrations.h\"\n\nconst struct migration migrations[] = {"
    started = 1
    name = FILENAME
    sub(/^.*\//, "", name)
    number = name
    sub(/_.*$/, "", number)
    sub(/^0+/, "", number)
    count++
    if (number != count) { print "migrations must be numbered without gaps: " name > "/dev/stderr"; exit 1 }
    printf "    { %d, \"%s\",\n", number, name
}
{
    gsub(/\\/, "\\\\\\\\")
    gsub(/"/, "\\\"")
    gsub(/\?/, "\\?")
    printf "    \"%s\\n\"\n", $0
}
END {
    if (started) print "    \"\" },\n};\nconst unsigned migration_count = " count ";"
}

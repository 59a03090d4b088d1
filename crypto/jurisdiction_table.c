/* Which code means which jurisdiction.  Facts from public tables: ISO 3166-1 and 3166-2; FBI NCIC Code Manual, table LIS (license
   state); AAMVA D20, jurisdiction codes; USPS Publication 28, appendix B, and Canada Post's addressing guidelines.

   Former names lead to their successor where there is exactly one (Burma MM, Ceylon LK, Rhodesia ZW, the Canal Zone PA); a part of
   a country without an ISO code of its own to that country (Wales GB, the Azores PT, Okinawa JP); Pacific islands of the United
   States without one to US-UM.  Left out, because nothing is known of the plate: a country whose states issue plates (US, CA, MX) without
   its state, tribes, federal agencies, armed forces, names with several successors (Yugoslavia, the Trust Territory and the Caroline
   Islands in the Pacific), disputed reefs (Paracel, Spratly), "West Indies", "all others", "unknown". */
#include "crypto/jurisdiction_table.h"

#include "cleanup.h"

const char jurisdiction_iso[][PLATESIEVE_JURISDICTION_MAX + 1] = {
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ",
    "CA-AB", "CA-BC", "CA-MB", "CA-NB", "CA-NL", "CA-NS", "CA-NT", "CA-NU", "CA-ON", "CA-PE", "CA-QC", "CA-SK",
    "CA-YT", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY",
    "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM",
    "FO", "FR", "GA", "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT",
    "GW", "GY", "HK", "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT",
    "JE", "JM", "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM",
    "MN", "MO", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX-AGU", "MX-BCN", "MX-BCS", "MX-CAM", "MX-CHH",
    "MX-CHP", "MX-CMX", "MX-COA", "MX-COL", "MX-DUR", "MX-GRO", "MX-GUA", "MX-HID", "MX-JAL", "MX-MEX", "MX-MIC",
    "MX-MOR", "MX-NAY", "MX-NLE", "MX-OAX", "MX-PUE", "MX-QUE", "MX-ROO", "MX-SIN", "MX-SLP", "MX-SON", "MX-TAB",
    "MX-TAM", "MX-TLA", "MX-VER", "MX-YUC", "MX-ZAC", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO",
    "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PS", "PT", "PW", "PY",
    "QA", "RE", "RO", "RS", "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM",
    "SN", "SO", "SR", "SS", "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM",
    "TN", "TO", "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "US-AK", "US-AL", "US-AR", "US-AS", "US-AZ", "US-CA",
    "US-CO", "US-CT", "US-DC", "US-DE", "US-FL", "US-GA", "US-GU", "US-HI", "US-IA", "US-ID", "US-IL", "US-IN",
    "US-KS", "US-KY", "US-LA", "US-MA", "US-MD", "US-ME", "US-MI", "US-MN", "US-MO", "US-MP", "US-MS", "US-MT",
    "US-NC", "US-ND", "US-NE", "US-NH", "US-NJ", "US-NM", "US-NV", "US-NY", "US-OH", "US-OK", "US-OR", "US-PA",
    "US-PR", "US-RI", "US-SC", "US-SD", "US-TN", "US-TX", "US-UM", "US-UT", "US-VA", "US-VI", "US-VT", "US-WA",
    "US-WI", "US-WV", "US-WY", "UY", "UZ", "VA", "VC", "VE", "VG", "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM",
    "ZW",
};
const size_t jurisdiction_iso_count = ARRAY_LENGTH(jurisdiction_iso);

static const struct jurisdiction_pair ncic[] = {
    { "AA", "AL" }, { "AB", "CA-AB" }, { "AD", "AD" }, { "AE", "AI" }, { "AF", "AF" }, { "AG", "MX-AGU" },
    { "AH", "AU" }, { "AI", "AG" }, { "AJ", "AW" }, { "AK", "US-AK" }, { "AL", "US-AL" }, { "AM", "US-AS" },
    { "AN", "DZ" }, { "AO", "AO" }, { "AP", "AM" }, { "AQ", "PT" }, { "AR", "US-AR" }, { "AS", "AU" },
    { "AT", "AR" }, { "AU", "AT" }, { "AV", "AZ" }, { "AZ", "US-AZ" }, { "BA", "MX-BCN" }, { "BB", "BB" },
    { "BC", "CA-BC" }, { "BD", "BS" }, { "BE", "BH" }, { "BF", "TF" }, { "BG", "BE" }, { "BH", "BZ" },
    { "BI", "BI" }, { "BJ", "MX-BCS" }, { "BK", "US-UM" }, { "BL", "BD" }, { "BM", "BM" }, { "BN", "BT" },
    { "BO", "IO" }, { "BP", "BA" }, { "BQ", "BV" }, { "BR", "MM" }, { "BS", "SB" }, { "BT", "BW" }, { "BU", "BG" },
    { "BV", "BO" }, { "BW", "ES" }, { "BX", "BN" }, { "BY", "BY" }, { "BZ", "BR" }, { "CA", "US-CA" },
    { "CB", "CO" }, { "CC", "CU" }, { "CE", "MX-CAM" }, { "CF", "TD" }, { "CH", "MX-CHH" }, { "CI", "MX-CHP" },
    { "CJ", "KH" }, { "CL", "MX-COL" }, { "CM", "CM" }, { "CO", "US-CO" }, { "CP", "KY" }, { "CQ", "CL" },
    { "CR", "CR" }, { "CS", "CY" }, { "CT", "US-CT" }, { "CU", "MX-COA" }, { "CV", "CV" }, { "CW", "CF" },
    { "CY", "LK" }, { "CZ", "PA" }, { "DB", "FR" }, { "DC", "US-DC" }, { "DD", "CC" }, { "DE", "US-DE" },
    { "DF", "MX-CMX" }, { "DG", "KM" }, { "DH", "BJ" }, { "DI", "CK" }, { "DJ", "AU" }, { "DK", "DK" },
    { "DM", "DM" }, { "DN", "DJ" }, { "DO", "MX-DUR" }, { "DR", "DO" }, { "EK", "GQ" }, { "EL", "SV" },
    { "EN", "GB" }, { "EO", "ET" }, { "ER", "TF" }, { "ES", "EE" }, { "ET", "ER" }, { "EU", "EC" }, { "EY", "EG" },
    { "EZ", "CZ" }, { "FA", "FK" }, { "FD", "FI" }, { "FG", "GF" }, { "FJ", "FJ" }, { "FL", "US-FL" },
    { "FN", "FR" }, { "FO", "FO" }, { "FP", "PF" }, { "FR", "TF" }, { "FS", "FM" }, { "GA", "US-GA" },
    { "GB", "GA" }, { "GC", "GR" }, { "GD", "GE" }, { "GE", "DE" }, { "GF", "GG" }, { "GG", "GH" }, { "GI", "GN" },
    { "GJ", "GD" }, { "GK", "GM" }, { "GM", "US-GU" }, { "GN", "GL" }, { "GO", "TF" }, { "GP", "GP" },
    { "GR", "MX-GRO" }, { "GS", "GS" }, { "GT", "GT" }, { "GU", "MX-GUA" }, { "GY", "GY" }, { "GZ", "PS" },
    { "HD", "HN" }, { "HE", "HM" }, { "HI", "US-HI" }, { "HK", "HK" }, { "HL", "MX-HID" }, { "HN", "VU" },
    { "HO", "US-UM" }, { "HR", "CX" }, { "HS", "SH" }, { "HT", "HT" }, { "HU", "HU" }, { "IA", "US-IA" },
    { "IB", "IM" }, { "IC", "IS" }, { "ID", "US-ID" }, { "IE", "IE" }, { "II", "IN" }, { "IL", "US-IL" },
    { "IM", "PT" }, { "IN", "US-IN" }, { "IO", "ID" }, { "IQ", "IQ" }, { "IR", "IR" }, { "IS", "IL" },
    { "IT", "IT" }, { "IU", "NU" }, { "IY", "CI" }, { "JA", "JP" }, { "JE", "JE" }, { "JI", "US-UM" },
    { "JL", "MX-JAL" }, { "JM", "JM" }, { "JN", "SJ" }, { "JO", "JO" }, { "JR", "US-UM" }, { "JU", "TF" },
    { "KB", "KI" }, { "KC", "HR" }, { "KE", "KE" }, { "KH", "CK" }, { "KI", "US-UM" }, { "KN", "KP" },
    { "KO", "KR" }, { "KS", "US-KS" }, { "KT", "KZ" }, { "KU", "KW" }, { "KY", "US-KY" }, { "KZ", "KG" },
    { "LA", "US-LA" }, { "LB", "LR" }, { "LD", "MD" }, { "LE", "LS" }, { "LF", "SK" }, { "LH", "LT" },
    { "LI", "LI" }, { "LN", "LB" }, { "LO", "SI" }, { "LS", "LA" }, { "LT", "LV" }, { "LU", "LC" }, { "LX", "LU" },
    { "LY", "LY" }, { "MA", "US-MA" }, { "MB", "CA-MB" }, { "MC", "MX-MIC" }, { "MD", "US-MD" }, { "ME", "US-ME" },
    { "MF", "MW" }, { "MG", "MN" }, { "MH", "MH" }, { "MI", "US-MI" }, { "MJ", "MC" }, { "MK", "US-MP" },
    { "ML", "ML" }, { "MN", "US-MN" }, { "MO", "US-MO" }, { "MP", "MG" }, { "MQ", "MA" }, { "MR", "MX-MOR" },
    { "MS", "US-MS" }, { "MT", "US-MT" }, { "MU", "MR" }, { "MV", "MV" }, { "MW", "US-UM" }, { "MX", "MX-MEX" },
    { "MY", "MT" }, { "MZ", "MY" }, { "NA", "MX-NAY" }, { "NB", "US-NE" }, { "NC", "US-NC" }, { "ND", "US-ND" },
    { "NE", "NL" }, { "NF", "CA-NL" }, { "NG", "NG" }, { "NH", "US-NH" }, { "NI", "GB" }, { "NJ", "US-NJ" },
    { "NK", "CA-NB" }, { "NL", "MX-NLE" }, { "NM", "US-NM" }, { "NN", "NE" }, { "NO", "PG" }, { "NP", "NP" },
    { "NQ", "NC" }, { "NR", "NR" }, { "NS", "CA-NS" }, { "NT", "CA-NT" }, { "NU", "NI" }, { "NV", "US-NV" },
    { "NW", "NO" }, { "NX", "BQ" }, { "NY", "US-NY" }, { "NZ", "NZ" }, { "OA", "MX-OAX" }, { "OC", "MO" },
    { "OF", "NF" }, { "OH", "US-OH" }, { "OI", "JP" }, { "OK", "US-OK" }, { "OM", "OM" }, { "ON", "CA-ON" },
    { "OR", "US-OR" }, { "PA", "US-PA" }, { "PB", "MX-PUE" }, { "PC", "PN" }, { "PD", "PW" }, { "PE", "CA-PE" },
    { "PG", "GW" }, { "PI", "PH" }, { "PK", "PK" }, { "PL", "US-UM" }, { "PM", "PA" }, { "PO", "PL" },
    { "PQ", "CA-QC" }, { "PR", "US-PR" }, { "PS", "PM" }, { "PT", "PT" }, { "PU", "PE" }, { "PV", "PY" },
    { "QA", "QA" }, { "QR", "MX-ROO" }, { "QU", "MX-QUE" }, { "RA", "RU" }, { "RB", "CG" }, { "RC", "CN" },
    { "RE", "RE" }, { "RF", "RU" }, { "RG", "GI" }, { "RH", "ZW" }, { "RI", "US-RI" }, { "RR", "MS" },
    { "RS", "EH" }, { "RU", "RO" }, { "RV", "VN" }, { "RW", "RW" }, { "RY", "YE" }, { "SA", "SL" }, { "SB", "SA" },
    { "SC", "US-SC" }, { "SD", "US-SD" }, { "SE", "SC" }, { "SF", "ZA" }, { "SG", "SN" }, { "SH", "SM" },
    { "SI", "MX-SIN" }, { "SJ", "NA" }, { "SL", "MX-SLP" }, { "SM", "SO" }, { "SN", "CA-SK" }, { "SO", "MX-SON" },
    { "SP", "ES" }, { "SQ", "SE" }, { "SR", "SG" }, { "SS", "GB" }, { "SU", "SD" }, { "SV", "SJ" }, { "SW", "SZ" },
    { "SY", "SY" }, { "SZ", "CH" }, { "TA", "MX-TAM" }, { "TB", "MX-TAB" }, { "TC", "AE" }, { "TF", "PF" },
    { "TG", "TO" }, { "TH", "TH" }, { "TJ", "TJ" }, { "TK", "TK" }, { "TL", "MX-TLA" }, { "TM", "TF" },
    { "TN", "US-TN" }, { "TO", "TG" }, { "TP", "ST" }, { "TR", "TC" }, { "TS", "KN" }, { "TT", "TT" },
    { "TU", "TN" }, { "TV", "TV" }, { "TW", "TW" }, { "TX", "US-TX" }, { "TY", "TR" }, { "TZ", "TZ" },
    { "UG", "UG" }, { "UK", "UA" }, { "UM", "MU" }, { "UR", "TM" }, { "UT", "US-UT" }, { "UV", "BF" },
    { "UY", "UY" }, { "UZ", "UZ" }, { "VA", "US-VA" }, { "VB", "VG" }, { "VC", "MX-VER" }, { "VI", "US-VI" },
    { "VL", "US-UM" }, { "VT", "US-VT" }, { "VV", "VC" }, { "VY", "VA" }, { "VZ", "VE" }, { "WA", "US-WA" },
    { "WB", "PS" }, { "WF", "WF" }, { "WI", "US-WI" }, { "WK", "US-UM" }, { "WL", "GB" }, { "WS", "WS" },
    { "WV", "US-WV" }, { "WY", "US-WY" }, { "YO", "YT" }, { "YT", "CA-YT" }, { "YU", "MX-YUC" }, { "ZA", "MX-ZAC" },
    { "ZB", "MQ" }, { "ZC", "SR" }, { "ZD", "MK" }, { "ZI", "ES" }, { "ZM", "ZM" }, { "ZO", "MZ" }, { "ZR", "CD" },
};

static const struct jurisdiction_pair aamva[] = {
    { "AB", "CA-AB" }, { "AG", "MX-AGU" }, { "AK", "US-AK" }, { "AL", "US-AL" }, { "AR", "US-AR" },
    { "AS", "US-AS" }, { "AZ", "US-AZ" }, { "BA", "MX-BCN" }, { "BC", "CA-BC" }, { "BJ", "MX-BCS" },
    { "CA", "US-CA" }, { "CE", "MX-CAM" }, { "CH", "MX-CHH" }, { "CI", "MX-CHP" }, { "CL", "MX-COL" },
    { "CO", "US-CO" }, { "CT", "US-CT" }, { "CU", "MX-COA" }, { "DC", "US-DC" }, { "DE", "US-DE" },
    { "DF", "MX-CMX" }, { "DO", "MX-DUR" }, { "EM", "MX-MEX" }, { "FL", "US-FL" }, { "FM", "FM" },
    { "GA", "US-GA" }, { "GM", "US-GU" }, { "GR", "MX-GRO" }, { "GU", "MX-GUA" }, { "HI", "US-HI" },
    { "HL", "MX-HID" }, { "IA", "US-IA" }, { "ID", "US-ID" }, { "IL", "US-IL" }, { "IN", "US-IN" },
    { "JL", "MX-JAL" }, { "KS", "US-KS" }, { "KY", "US-KY" }, { "LA", "US-LA" }, { "MA", "US-MA" },
    { "MB", "CA-MB" }, { "MC", "MX-MIC" }, { "MD", "US-MD" }, { "ME", "US-ME" }, { "MH", "MH" }, { "MI", "US-MI" },
    { "MN", "US-MN" }, { "MO", "US-MO" }, { "MP", "US-MP" }, { "MR", "MX-MOR" }, { "MS", "US-MS" },
    { "MT", "US-MT" }, { "NA", "MX-NAY" }, { "NB", "CA-NB" }, { "NC", "US-NC" }, { "ND", "US-ND" },
    { "NE", "US-NE" }, { "NF", "CA-NL" }, { "NH", "US-NH" }, { "NJ", "US-NJ" }, { "NL", "MX-NLE" },
    { "NM", "US-NM" }, { "NS", "CA-NS" }, { "NT", "CA-NT" }, { "NU", "CA-NU" }, { "NV", "US-NV" },
    { "NY", "US-NY" }, { "OA", "MX-OAX" }, { "OH", "US-OH" }, { "OK", "US-OK" }, { "ON", "CA-ON" },
    { "OR", "US-OR" }, { "PA", "US-PA" }, { "PB", "MX-PUE" }, { "PE", "CA-PE" }, { "PR", "US-PR" }, { "PW", "PW" },
    { "PZ", "PA" }, { "QC", "CA-QC" }, { "QR", "MX-ROO" }, { "QU", "MX-QUE" }, { "RI", "US-RI" }, { "SC", "US-SC" },
    { "SD", "US-SD" }, { "SI", "MX-SIN" }, { "SK", "CA-SK" }, { "SL", "MX-SLP" }, { "SO", "MX-SON" },
    { "TA", "MX-TAM" }, { "TB", "MX-TAB" }, { "TL", "MX-TLA" }, { "TN", "US-TN" }, { "TX", "US-TX" },
    { "UT", "US-UT" }, { "VA", "US-VA" }, { "VC", "MX-VER" }, { "VI", "US-VI" }, { "VT", "US-VT" },
    { "WA", "US-WA" }, { "WI", "US-WI" }, { "WK", "US-UM" }, { "WV", "US-WV" }, { "WY", "US-WY" },
    { "YT", "CA-YT" }, { "YU", "MX-YUC" }, { "ZA", "MX-ZAC" },
};

static const struct jurisdiction_pair usps[] = {
    { "AB", "CA-AB" }, { "AK", "US-AK" }, { "AL", "US-AL" }, { "AR", "US-AR" }, { "AS", "US-AS" },
    { "AZ", "US-AZ" }, { "BC", "CA-BC" }, { "CA", "US-CA" }, { "CO", "US-CO" }, { "CT", "US-CT" },
    { "DC", "US-DC" }, { "DE", "US-DE" }, { "FL", "US-FL" }, { "FM", "FM" }, { "GA", "US-GA" }, { "GU", "US-GU" },
    { "HI", "US-HI" }, { "IA", "US-IA" }, { "ID", "US-ID" }, { "IL", "US-IL" }, { "IN", "US-IN" },
    { "KS", "US-KS" }, { "KY", "US-KY" }, { "LA", "US-LA" }, { "MA", "US-MA" }, { "MB", "CA-MB" },
    { "MD", "US-MD" }, { "ME", "US-ME" }, { "MH", "MH" }, { "MI", "US-MI" }, { "MN", "US-MN" }, { "MO", "US-MO" },
    { "MP", "US-MP" }, { "MS", "US-MS" }, { "MT", "US-MT" }, { "NB", "CA-NB" }, { "NC", "US-NC" },
    { "ND", "US-ND" }, { "NE", "US-NE" }, { "NH", "US-NH" }, { "NJ", "US-NJ" }, { "NL", "CA-NL" },
    { "NM", "US-NM" }, { "NS", "CA-NS" }, { "NT", "CA-NT" }, { "NU", "CA-NU" }, { "NV", "US-NV" },
    { "NY", "US-NY" }, { "OH", "US-OH" }, { "OK", "US-OK" }, { "ON", "CA-ON" }, { "OR", "US-OR" },
    { "PA", "US-PA" }, { "PE", "CA-PE" }, { "PR", "US-PR" }, { "PW", "PW" }, { "QC", "CA-QC" }, { "RI", "US-RI" },
    { "SC", "US-SC" }, { "SD", "US-SD" }, { "SK", "CA-SK" }, { "TN", "US-TN" }, { "TX", "US-TX" },
    { "UT", "US-UT" }, { "VA", "US-VA" }, { "VI", "US-VI" }, { "VT", "US-VT" }, { "WA", "US-WA" },
    { "WI", "US-WI" }, { "WV", "US-WV" }, { "WY", "US-WY" }, { "YT", "CA-YT" },
};

/* A country's code for what is also a state of the United States: one jurisdiction, one code. */
static const struct jurisdiction_pair iso_twins[] = {
    { "AS", "US-AS" }, { "GU", "US-GU" }, { "MP", "US-MP" }, { "PR", "US-PR" }, { "UM", "US-UM" },
    { "VI", "US-VI" },
};

const struct jurisdiction_pairs jurisdiction_pairs[] = {
    [PLATESIEVE_CODES_ISO] = { iso_twins, ARRAY_LENGTH(iso_twins) },
    [PLATESIEVE_CODES_NCIC] = { ncic, ARRAY_LENGTH(ncic) },
    [PLATESIEVE_CODES_AAMVA] = { aamva, ARRAY_LENGTH(aamva) },
    [PLATESIEVE_CODES_USPS] = { usps, ARRAY_LENGTH(usps) },
};

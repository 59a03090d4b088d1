/* States and provinces by the names that people have for them, which templates of cameras send: "Texas", "Nuevo León". */
#include "client/engines/region_name.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "include/cleanup.h"

#define LETTERS_MAX 26     /* letters of the longest, and a zero byte */
#define CHARACTERS 64   /* of a name, with its marks */

struct region_name {
    char name[LETTERS_MAX]; /* in capitals, without accents, spaces and the rest */
    char iso[PLATESIEVE_JURISDICTION_MAX + 1];
};

/* English, French and Spanish; sorted.  Left out: what is a country as well ("Mexico"), or lies in two ("Distrito Federal",
   "Virgin Islands"). */
static const struct region_name names[] = {
    { "AGUASCALIENTES", "MX-AGU" }, { "ALABAMA", "US-AL" }, { "ALASKA", "US-AK" }, { "ALBERTA", "CA-AB" }, { "AMERICANSAMOA", "US-AS" },
    { "ARIZONA", "US-AZ" }, { "ARKANSAS", "US-AR" }, { "BAJACALIFORNIA", "MX-BCN" }, { "BAJACALIFORNIANORTE", "MX-BCN" }, { "BAJACALIFORNIASUR", "MX-BCS" },
    { "BRITISHCOLUMBIA", "CA-BC" }, { "CALIFORNIA", "US-CA" }, { "CAMPECHE", "MX-CAM" }, { "CHIAPAS", "MX-CHP" }, { "CHIHUAHUA", "MX-CHH" },
    { "CIUDADDEMEXICO", "MX-CMX" }, { "COAHUILA", "MX-COA" }, { "COAHUILADEZARAGOZA", "MX-COA" }, { "COLIMA", "MX-COL" }, { "COLOMBIEBRITANNIQUE", "CA-BC" },
    { "COLORADO", "US-CO" }, { "CONNECTICUT", "US-CT" }, { "DELAWARE", "US-DE" }, { "DISTRICTOFCOLUMBIA", "US-DC" },
    { "DURANGO", "MX-DUR" }, { "ESTADODEMEXICO", "MX-MEX" }, { "FLORIDA", "US-FL" }, { "GEORGIA", "US-GA" }, { "GUAM", "US-GU" }, { "GUANAJUATO", "MX-GUA" },
    { "GUERRERO", "MX-GRO" }, { "HAWAII", "US-HI" }, { "HIDALGO", "MX-HID" }, { "IDAHO", "US-ID" }, { "ILEDUPRINCEEDOUARD", "CA-PE" },
    { "ILLINOIS", "US-IL" }, { "INDIANA", "US-IN" }, { "IOWA", "US-IA" }, { "JALISCO", "MX-JAL" }, { "KANSAS", "US-KS" }, { "KENTUCKY", "US-KY" },
    { "LOUISIANA", "US-LA" }, { "MAINE", "US-ME" }, { "MANITOBA", "CA-MB" }, { "MARYLAND", "US-MD" }, { "MASSACHUSETTS", "US-MA" },
    { "MEXICOCITY", "MX-CMX" }, { "MICHIGAN", "US-MI" }, { "MICHOACAN", "MX-MIC" }, { "MICHOACANDEOCAMPO", "MX-MIC" }, { "MINNESOTA", "US-MN" },
    { "MISSISSIPPI", "US-MS" }, { "MISSOURI", "US-MO" }, { "MONTANA", "US-MT" }, { "MORELOS", "MX-MOR" }, { "NAYARIT", "MX-NAY" }, { "NEBRASKA", "US-NE" },
    { "NEVADA", "US-NV" }, { "NEWBRUNSWICK", "CA-NB" }, { "NEWFOUNDLAND", "CA-NL" }, { "NEWFOUNDLANDANDLABRADOR", "CA-NL" }, { "NEWHAMPSHIRE", "US-NH" },
    { "NEWJERSEY", "US-NJ" }, { "NEWMEXICO", "US-NM" }, { "NEWYORK", "US-NY" }, { "NEWYORKSTATE", "US-NY" }, { "NORTHCAROLINA", "US-NC" },
    { "NORTHDAKOTA", "US-ND" }, { "NORTHERNMARIANAISLANDS", "US-MP" }, { "NORTHWESTTERRITORIES", "CA-NT" }, { "NOUVEAUBRUNSWICK", "CA-NB" },
    { "NOUVELLEECOSSE", "CA-NS" }, { "NOVASCOTIA", "CA-NS" }, { "NUEVOLEON", "MX-NLE" }, { "NUNAVUT", "CA-NU" }, { "OAXACA", "MX-OAX" }, { "OHIO", "US-OH" },
    { "OKLAHOMA", "US-OK" }, { "ONTARIO", "CA-ON" }, { "OREGON", "US-OR" }, { "PENNSYLVANIA", "US-PA" }, { "PRINCEEDWARDISLAND", "CA-PE" },
    { "PUEBLA", "MX-PUE" }, { "PUERTORICO", "US-PR" }, { "QUEBEC", "CA-QC" }, { "QUERETARO", "MX-QUE" }, { "QUERETARODEARTEAGA", "MX-QUE" },
    { "QUINTANAROO", "MX-ROO" }, { "RHODEISLAND", "US-RI" }, { "SANLUISPOTOSI", "MX-SLP" }, { "SASKATCHEWAN", "CA-SK" }, { "SINALOA", "MX-SIN" },
    { "SONORA", "MX-SON" }, { "SOUTHCAROLINA", "US-SC" }, { "SOUTHDAKOTA", "US-SD" }, { "STATEOFMEXICO", "MX-MEX" }, { "TABASCO", "MX-TAB" },
    { "TAMAULIPAS", "MX-TAM" }, { "TENNESSEE", "US-TN" }, { "TERRENEUVEETLABRADOR", "CA-NL" }, { "TERRITOIRESDUNORDOUEST", "CA-NT" }, { "TEXAS", "US-TX" },
    { "TLAXCALA", "MX-TLA" }, { "USVIRGINISLANDS", "US-VI" }, { "UTAH", "US-UT" }, { "VERACRUZ", "MX-VER" }, { "VERACRUZLLAVE", "MX-VER" },
    { "VERMONT", "US-VT" }, { "VIRGINIA", "US-VA" }, { "WASHINGTON", "US-WA" }, { "WASHINGTONDC", "US-DC" }, { "WASHINGTONSTATE", "US-WA" },
    { "WESTVIRGINIA", "US-WV" }, { "WISCONSIN", "US-WI" }, { "WYOMING", "US-WY" }, { "YUCATAN", "MX-YUC" }, { "YUKON", "CA-YT" },
    { "YUKONTERRITORY", "CA-YT" }, { "ZACATECAS", "MX-ZAC" },
};

static int compare(const void *key, const void *row)
{
    return strcmp(key, row);
}

/* False: it is longer than any of them, or no UTF-8. */
static bool letters_of(struct value value, char letters[LETTERS_MAX])
{
    utf8proc_int32_t characters[CHARACTERS];
    const utf8proc_ssize_t count = utf8proc_decompose((const utf8proc_uint8_t *)value.text, (utf8proc_ssize_t)value.size, characters, CHARACTERS,
                                                      UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_STRIPMARK);
    size_t size = 0;

    if (count <= 0 || count > CHARACTERS) return false;
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        utf8proc_int32_t c = characters[i];

        if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
        if (c == ' ' || c == '-' || c == '_' || c == '.' || c == '\'') continue;
        if (c < 'A' || c > 'Z' || size == LETTERS_MAX - 1) return false;
        letters[size++] = (char)c;
    }
    letters[size] = '\0';
    return true;
}

struct value engine_region_name(struct value name, const char *country)
{
    char letters[LETTERS_MAX];
    const struct region_name *found;

    if (name.kind != VALUE_TEXT || name.size > 2 * CHARACTERS || !letters_of(name, letters)) return VALUE_ABSENT;
    found = bsearch(letters, names, ARRAY_LENGTH(names), sizeof(names[0]), compare);
    if (found == NULL || (strcmp(letters, "GEORGIA") == 0 && strcmp(country, "US") != 0)) return VALUE_ABSENT;
    return value_of_text(found->iso);
}

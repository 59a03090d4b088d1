/* What an agency's machine remembers of a list (state.c), settled with what the gate has, and what a file's rows
   change of it. */
#include "client/push/run.h"

#include <errno.h>
#include <sodium.h>
#include <unistd.h>

#include "client/base64.h"
#include "client/file.h"
#include "client/state.h"

#define DIGEST_KEY_BYTES 32
#define CHANGES_MAX 500   /* revisions; gates keep something of each until the list is replaced */
#define CHANGES_FREE 1000 /* so many changes are worth a delta, however short the list is */

_Static_assert(REFERENCE_KEPT_MAX <= PUSH_STATE_REFERENCE_MAX, "a kept reference must fit");

/* -- digests ------------------------------------------------------------------------------------------------------- */

static int64_t key_of(const struct push *push, const struct reference *reference)
{
    uint8_t digest[crypto_generichash_BYTES_MIN];
    int64_t key;

    crypto_generichash(digest, sizeof(digest), (const uint8_t *)reference->text, strlen(reference->text),
                       push->digest_key, DIGEST_KEY_BYTES);
    memcpy(&key, digest, sizeof(key));
    return key;
}

static size_t message_count(const struct push_entry *entry)
{
    size_t count = 0;

    for (size_t grade = 0; grade < PLATESIEVE_GRADES; grade++) count += entry->counts[grade];
    return count;
}

/* Of all that an entry's line is made of but the epochs: its times, and the messages of its plate.  The zero at the
   beginning keeps it apart from the digests of references. */
static void content_of(const struct push *push, const struct push_entry *entry,
                       const struct platesieve_message *messages, uint8_t content[PUSH_STATE_CONTENT_BYTES])
{
    const int64_t numbers[4] = { 0, entry->effective_ms, entry->expires_ms, (int64_t)entry->unknowns };
    const size_t count = message_count(entry);
    crypto_generichash_state state;

    crypto_generichash_init(&state, push->digest_key, DIGEST_KEY_BYTES, PUSH_STATE_CONTENT_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)numbers, sizeof(numbers));
    for (size_t i = 0; i < count; i++)
        crypto_generichash_update(&state, &messages[i].length, 1 + (size_t)messages[i].length);
    crypto_generichash_final(&state, content, PUSH_STATE_CONTENT_BYTES);
    platesieve_wipe(&state, sizeof(state));
}

static void check_of(const struct push *push, uint8_t check[PUSH_STATE_CONTENT_BYTES])
{
    static const uint8_t purpose[] = "whose key this is";
    uint8_t digest[crypto_generichash_BYTES];

    crypto_generichash(digest, sizeof(digest), purpose, sizeof(purpose), push->digest_key, DIGEST_KEY_BYTES);
    memcpy(check, digest, PUSH_STATE_CONTENT_BYTES);
}

/* -- what stands ---------------------------------------------------------------------------------------------------- */

bool delta_lock(struct push *push)
{
    const struct name *name = &push->identity.name;
    char file[3 * LIMIT_NAME_MAX], path[PATH_MAX];

    push->lock = -1;
    snprintf(file, sizeof(file), "pushed/%s/%s.db", name->second, push->options->list);
    if (!state_path(push->settings, name->first, file, push->state_file)) return false;
    if (!path_make(path, sizeof(path), "%s.lock", push->state_file) || !folder_make_for(path, 0700)) return false;
    push->lock = file_try_lock(path);
    if (push->lock < 0 && errno == EWOULDBLOCK) {
        say("another push of this list runs here; waiting for its end");
        push->lock = file_lock(path);
    }
    return push->lock >= 0;
}

/* Does the gate have what HEAD says?  Numbers of revisions are given out once; the digest tells a database that was put
   back to an earlier day, and has given them out again. */
static bool gate_has(struct push *push, const struct push_state_head *head)
{
    uint8_t digest[PUSH_SHA256];

    if (head->revision == 0 || head->revision != push->info.revision) return false;
    if (head->parts_revision == 0) return true;
    return push_revision_digest(push->gate, &push->info, head->parts_revision, digest) &&
           memcmp(digest, head->digest, sizeof(digest)) == 0;
}

void delta_begin(struct push *push)
{
    uint8_t check[PUSH_STATE_CONTENT_BYTES];
    struct push_state_head head;

    push->digest_key = platesieve_secret_allocate(DIGEST_KEY_BYTES);
    if (push->digest_key == NULL) {
        say("there is no memory that can be locked for keys");
        return;
    }
    reference_digest_key(push->reference_key, "platesieve/1/pushed", push->info.id, push->digest_key);
    check_of(push, check);
    if (push_state_anew_head(push->state_file, check, &head) && gate_has(push, &head))
        push->remembered = push_state_take(push->state_file);
    else push_state_drop(push->state_file);
    push->state = push_state_open(push->state_file, check);
    if (push->state == NULL) return;
    if (push_state_promised(push->state, &head)) {
        if (!(gate_has(push, &head) ? push_state_keep(push->state) : push_state_break(push->state))) return;
    }
    push->remembered = push_state_standing(push->state, &push->head);
    push->known = push->remembered && push->head.entries == push->info.entries && gate_has(push, &push->head);
}

void delta_end(struct push *push)
{
    push_state_close(push->anew);
    push_state_close(push->state);
    platesieve_secret_free(push->digest_key);
    if (push->lock >= 0) close(push->lock);
}

/* -- which way ------------------------------------------------------------------------------------------------------ */

/* "<id>=<key id>", as it stands in a head. */
static void epoch_text(const struct epoch *epoch, char text[LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 2])
{
    char key_id[PLATESIEVE_TOKEN_TEXT + 1];

    base64_print(epoch->key_id, sizeof(epoch->key_id), key_id, sizeof(key_id));
    snprintf(text, LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 2, "%s=%s", epoch->id, key_id);
}

static bool has_epoch(const struct push_state_head *head, const struct epoch *epoch)
{
    char text[LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 2];
    const char *at = head->epochs;
    size_t size;

    epoch_text(epoch, text);
    size = strlen(text);
    for (; (at = strstr(at, text)) != NULL; at++)
        if ((at == head->epochs || at[-1] == ',') && (at[size] == '\0' || at[size] == ',')) return true;
    return false;
}

static void add_epoch(struct push_state_head *head, const struct epoch *epoch)
{
    char text[LIMIT_EPOCH_ID_MAX + PLATESIEVE_TOKEN_TEXT + 2];
    const size_t used = strlen(head->epochs);

    if (has_epoch(head, epoch)) return;
    epoch_text(epoch, text);
    if (used + strlen(text) + 2 > sizeof(head->epochs)) return; /* the next push gives it again */
    snprintf(head->epochs + used, sizeof(head->epochs) - used, "%s%s", used == 0 ? "" : ",", text);
}

static bool gate_covers(const struct list_info *info, const struct epoch *epoch)
{
    bool covered = false;

    for (size_t i = 0; i < info->covered_count; i++) covered = covered || strcmp(info->covered[i], epoch->id) == 0;
    return covered;
}

bool delta_possible(struct push *push)
{
    if (push->options->mode != PUSH_REPLACE || push->options->full || push->info.entries == 0) return false;
    push->why_whole = NULL;
    push->now.count = 0;
    for (size_t i = 0; push->known && i < push->epochs.count; i++)
        if (has_epoch(&push->head, &push->epochs.list[i]) && gate_covers(&push->info, &push->epochs.list[i]))
            push->now.list[push->now.count++] = push->epochs.list[i];
    if (!push->remembered) push->why_whole = "nothing is remembered here of what it holds";
    else if (!push->known) push->why_whole = "the gate has another revision than the one pushed from here";
    else if (push->head.grade != push->info.grade) push->why_whole = "its grade is another one now";
    else if (push->head.clear_references != push->options->clear_references)
        push->why_whole = "its references were sent in another form";
    else if (push->head.changes >= CHANGES_MAX) push->why_whole = "it was changed 500 times since it was sent whole";
    else if (push->now.count == 0) push->why_whole = "it has tokens for no epoch that is open or coming";
    else if (push->now.count < push->epochs.count && lseek(push->fd, 0, SEEK_CUR) < 0)
        push->why_whole = "a new epoch wants tokens of all entries, and standard input can't be read twice";
    return push->why_whole == NULL;
}

void delta_anew(struct push *push)
{
    uint8_t check[PUSH_STATE_CONTENT_BYTES];

    if (push->digest_key == NULL) return;
    check_of(push, check);
    push->anew = push_state_anew(push->state_file, check);
}

/* -- rows ----------------------------------------------------------------------------------------------------------- */

static int forget_anew(struct push *push)
{
    push_state_close(push->anew);
    push->anew = NULL;
    push_state_drop(push->state_file);
    return CLIENT_OK; /* the list is pushed all the same; the next push replaces it again */
}

static bool fill_row(const struct push *push, const struct push_entry *entry, const struct platesieve_message *messages,
                     struct push_state_row *row)
{
    row->key = key_of(push, &entry->reference);
    content_of(push, entry, messages, row->content);
    row->reference_size = reference_keep(push->reference_key, push->info.id, &entry->reference, row->reference);
    return row->reference_size > 0;
}

/* Something differs: it has to be sent. */
static int differs(struct push *push, const struct push_state_row *row, bool found)
{
    const uint64_t changes = push->counts.changed + push->counts.added;

    if (found) push->counts.changed++;
    else push->counts.added++;
    if (changes > CHANGES_FREE && changes > push->head.entries / 2 && lseek(push->fd, 0, SEEK_CUR) >= 0) {
        push->many = true;
        return CLIENT_FAILED;
    }
    if (!push_state_put(push->state, row)) return CLIENT_FAILED;
    return push_open_revision(push);
}

/* *SENT: the entry's line is to be sent. */
static int look_at(struct push *push, const struct push_entry *entry, const struct platesieve_message *messages,
                   bool *sent)
{
    struct push_state_row row;
    uint8_t content[PUSH_STATE_CONTENT_BYTES];
    bool found, same;

    *sent = true;
    if (push->anew != NULL)
        return fill_row(push, entry, messages, &row) && push_state_stage(push->anew, &row) ? CLIENT_OK
                                                                                           : forget_anew(push);
    if (!push->known || push->mode == PUSH_REMOVE || push->options->mode == PUSH_TOKENS) return CLIENT_OK;
    if (!fill_row(push, entry, messages, &row) || !push_state_find(push->state, row.key, &found, content))
        return CLIENT_FAILED;
    if (push->way == PUSH_WHOLE) return push_state_put(push->state, &row) ? CLIENT_OK : CLIENT_FAILED;
    same = found && memcmp(content, row.content, sizeof(content)) == 0;
    if (push->way == PUSH_GIVING) {
        if (!same) say("%s was written to while it was read; push it again", push->options->file);
        return same ? CLIENT_OK : CLIENT_FAILED;
    }
    *sent = !same;
    push->counts.unchanged += same;
    return same ? CLIENT_OK : differs(push, &row, found);
}

static int note_removed(struct push *push, const struct push_entry *entry)
{
    for (size_t i = 0; i < 2; i++)
        if (push->known && entry->removed[i].text[0] != '\0' &&
            !push_state_remove(push->state, key_of(push, &entry->removed[i])))
            return CLIENT_FAILED;
    return CLIENT_OK;
}

int delta_row(struct push *push, struct push_chunk *chunk, size_t first)
{
    size_t kept = first, from = chunk->message_count, to;
    int code = CLIENT_OK;

    if (push->mode == PUSH_REMOVE) {
        for (size_t i = first; code == CLIENT_OK && i < chunk->entry_count; i++)
            code = note_removed(push, &chunk->entries[i]);
        return code;
    }
    for (size_t i = first; i < chunk->entry_count; i++) from -= message_count(&chunk->entries[i]);
    to = from;
    for (size_t i = first; code == CLIENT_OK && i < chunk->entry_count; i++) {
        const size_t count = message_count(&chunk->entries[i]);
        bool sent = true;

        code = look_at(push, &chunk->entries[i], chunk->messages + from, &sent);
        if (sent && kept < i) {
            chunk->entries[kept] = chunk->entries[i];
            memmove(chunk->messages + to, chunk->messages + from, count * sizeof(*chunk->messages));
        }
        kept += sent;
        to += sent ? count : 0;
        from += count;
    }
    if (code != CLIENT_OK) return code;
    platesieve_wipe(chunk->messages + to, (chunk->message_count - to) * sizeof(*chunk->messages));
    platesieve_wipe(chunk->entries + kept, (chunk->entry_count - kept) * sizeof(*chunk->entries));
    chunk->message_count = to;
    chunk->entry_count = kept;
    return CLIENT_OK;
}

/* -- removals ------------------------------------------------------------------------------------------------------- */

struct removals {
    struct push *push;
    struct push_sender *sender;
    int code;
};

static bool remove_unseen(void *context, const struct push_state_row *row)
{
    struct removals *removals = context;
    struct push *push = removals->push;
    struct reference reference;
    char line[PUSH_REMOVAL_TEXT];

    removals->code = CLIENT_FAILED;
    if (!reference_kept(push->reference_key, push->info.id, row->reference, row->reference_size, &reference)) {
        say("what is remembered of the list is damaged; --full pushes it anew");
        return false;
    }
    if (!seen_has(push->seen, reference.text)) {
        push->counts.removed++;
        if (!push_state_remove(push->state, row->key)) return false;
        removals->code = push_open_revision(push);
        if (removals->code != CLIENT_OK) return false;
        removals->code = CLIENT_FAILED;
        if (!push_sender_add(removals->sender, line, push_removal_write(&reference, line), 1)) return false;
    }
    removals->code = CLIENT_OK;
    return true;
}

int delta_removals(struct push *push, struct push_sender *sender)
{
    struct removals removals = { push, sender, CLIENT_OK };

    if (push->counts.unchanged + push->counts.changed == push->head.entries) return CLIENT_OK;
    if (!push_state_each(push->state, remove_unseen, &removals)) return CLIENT_FAILED;
    return removals.code;
}

/* -- the commit ----------------------------------------------------------------------------------------------------- */

int delta_promise(struct push *push)
{
    struct push_state_head head = push->head;

    if (push->anew != NULL) head = (struct push_state_head) { .grade = (uint8_t)push->info.grade };
    else if (!push->known) return CLIENT_OK;
    head.clear_references = push->anew != NULL ? push->options->clear_references : head.clear_references;
    head.revision = push->revision.number;
    if (push->totals.parts > 0) {
        head.changes += push->anew == NULL;
        head.parts_revision = head.revision;
        memcpy(head.digest, push->totals.sha256, sizeof(head.digest));
    }
    if (push->anew != NULL || push->mode == PUSH_TOKENS)
        for (size_t i = 0; i < push->now.count; i++) add_epoch(&head, &push->now.list[i]);
    if (push->anew == NULL) return push_state_promise(push->state, &head) ? CLIENT_OK : CLIENT_FAILED;
    return push_state_finish(push->anew, &head) ? CLIENT_OK : forget_anew(push);
}

/* The gate and what is remembered must count alike. */
void delta_keep(struct push *push)
{
    uint8_t check[PUSH_STATE_CONTENT_BYTES];

    if (push->anew != NULL) {
        push_state_close(push->anew);
        push_state_close(push->state);
        push->anew = push->state = NULL;
        check_of(push, check);
        if (!push_state_take(push->state_file)) return;
        push->state = push_state_open(push->state_file, check);
    } else if (push->known && !push_state_keep(push->state)) {
        push->known = false;
        return;
    }
    push->known = push->state != NULL && push_state_standing(push->state, &push->head) &&
                  push->head.revision == push->info.revision && push->head.entries == push->info.entries;
}

void delta_break(struct push *push)
{
    if (push->anew != NULL) (void)forget_anew(push);
    else if (push->known && !push_state_break(push->state)) push->known = false;
}

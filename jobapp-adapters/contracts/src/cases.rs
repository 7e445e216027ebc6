//! The lists of promises: what is not listed here is not run.

/// Makes one test of each promise of `Repository`, `Outbox` and `Sequence`. The argument makes a future of a fresh
/// [`Harness`](crate::Harness).
#[macro_export]
macro_rules! repository {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::reading], reading:
            an_id_finds_its_value
            absence_is_none
            several_ids_find_their_values_in_their_order
            very_many_ids_find_their_values
            a_unique_value_finds_its_value
            every_field_survives
            scanning_returns_everything_in_the_order_of_ids
            a_corrupt_state_is_reported_with_its_id
            an_invalid_state_is_reported_with_its_id
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::writing], writing:
            versions_count_up_from_one
            an_insert_of_a_taken_id_is_refused
            a_stale_version_conflicts
            an_update_of_a_deleted_value_conflicts
            an_update_of_what_never_was_conflicts
            a_stale_delete_conflicts
            a_deleted_value_is_gone_from_every_list
            a_change_before_another_is_a_change
            a_refused_change_stores_nothing
            events_are_stored_with_the_change
            a_failed_save_leaves_no_events
            the_events_of_a_delete_are_published
            entries_say_where_they_come_from
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::keys], keys:
            a_unique_value_cannot_be_inserted_twice
            a_unique_value_cannot_be_taken_by_an_update
            an_update_may_keep_its_unique_value
            an_update_frees_the_old_unique_value
            a_delete_frees_the_unique_value
            values_without_a_sparse_key_do_not_meet
            a_sparse_unique_value_is_taken_like_any_other
            updates_add_and_remove_many_values
            updates_move_many_values_in_their_lists
            a_repeated_value_counts_once
            many_unique_values_cannot_be_shared
            many_unique_values_are_freed
            numbers_can_be_many
            keys_are_case_sensitive
            keys_are_compared_bytewise
            the_longest_key_is_accepted
            a_longer_key_is_refused
            looking_for_a_longer_value_finds_nothing
            a_key_with_nul_is_refused
            looking_for_nul_finds_nothing
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::lists], lists:
            a_list_has_the_keys_order
            ties_are_broken_by_id
            a_list_runs_backwards
            the_last_page_has_no_cursor
            pages_have_neither_gaps_nor_repeats
            pages_of_a_many_key_have_neither_gaps_nor_repeats
            paging_backwards_has_neither_gaps_nor_repeats
            paging_is_undisturbed_by_inserts
            a_list_follows_updates
            a_range_includes_its_start_and_excludes_its_end
            a_range_may_be_open
            a_range_of_texts_is_bytewise
            a_range_leaves_out_what_has_no_value
            pages_of_a_range_have_neither_gaps_nor_repeats
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::causes], causes:
            a_message_changes_an_aggregate_once
            a_message_may_change_several_aggregates
            another_effect_is_another_cause
            a_request_is_made_once
            a_request_is_found_by_its_cause
            a_message_is_not_found_by_its_cause
            a_request_with_another_body_is_refused
            another_caller_may_use_the_same_key
            a_duplicate_is_told_before_a_conflict
            a_duplicate_is_told_before_a_taken_value
            a_duplicate_insert_is_told_before_the_taken_id
            a_duplicate_delete_is_told
            a_cause_outlives_its_aggregate
            a_refused_change_does_not_use_up_its_cause
            a_cause_may_be_very_long
            a_cause_may_have_nul
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::races], races:
            one_of_many_updates_of_a_version_wins
            one_of_many_inserts_of_an_id_wins
            one_of_many_holders_of_a_unique_value_wins
            one_of_many_holders_of_a_part_wins
            one_of_many_requests_with_a_cause_wins
            one_of_many_deliveries_of_a_message_wins
            updates_in_turn_all_go_through
            a_caller_that_goes_away_leaves_a_whole_change_or_none
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::repository::decisions], decisions:
            a_decision_sees_what_is_there
            a_decision_may_begin_something_or_leave_it
            a_decision_that_fails_stores_nothing
            a_decision_is_refused_like_a_save
            decisions_at_the_same_time_all_go_through
            everybody_gets_a_place_behind_the_last
            a_decision_about_what_cannot_be_stored_finds_nothing
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::outbox], outbox:
            entries_are_leased_oldest_first
            a_lease_takes_no_more_than_asked
            a_leased_aggregate_is_not_handed_to_another
            later_events_of_a_leased_aggregate_wait
            asking_again_renews_the_lease
            an_expired_lease_hands_over
            cleared_entries_are_gone
            clearing_frees_the_aggregate
            clearing_needs_the_lease
            unknown_ids_are_cleared_silently
            a_commit_wakes_the_relay
            a_commit_before_the_wait_is_not_missed
            waiting_entries_are_counted
            a_held_back_aggregate_is_handed_to_nobody
            what_came_before_what_is_held_back_is_cleared
            what_was_held_back_comes_again
            holding_back_needs_the_lease
            parallel_owners_never_share_an_aggregate
        }
        $crate::__suite! { $factory, $crate::Harness, [$crate::sequence], sequence:
            a_sequence_starts_where_it_is_told
            a_sequence_goes_on_from_where_it_is_wanted
            numbers_grow
            sequences_are_independent
            parallel_callers_get_different_numbers
        }
    };
}

/// Makes one test of each promise of a store that outlives its handle. The argument makes a future of a fresh
/// [`Harness`](crate::Harness) with `reopen`.
#[macro_export]
macro_rules! durability {
    ($factory:expr) => {
        $crate::__suite! { $factory, $crate::Harness, [$crate::durability], durability:
            values_survive
            events_saved_before_a_crash_are_published_after_it
            causes_survive
            sequences_go_on
            another_handle_sees_what_was_saved
            handles_race_for_a_version
            handles_race_for_an_id
            handles_race_for_a_unique_value
            handles_race_for_a_cause
            handles_share_a_sequence
            handles_respect_each_others_leases
        }
    };
}

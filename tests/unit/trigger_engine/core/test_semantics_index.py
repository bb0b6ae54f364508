"""Which test holds which sentence of DESIGN sections 2 (hand-over) and 4 (semantics of the core).

Bullet → sentence, or the half of one → the tests, as `module::function` in `tests/unit/trigger_engine`. What
other stages do about a bullet (the sender's ledger, retention of the log) stands in their own tests. Whoever
renames a test is told here which promise it holds.
"""

from importlib import import_module

import pytest

INDEX: dict[str, dict[str, str]] = {
    "Event time": {
        "event time decides windows and counts": """
            core.test_thresholds::test_an_event_that_arrives_out_of_order_counts_where_it_belongs
            core.test_thresholds::test_an_event_out_of_order_crosses_in_a_window_that_ends_later
        """,
        "… cooldowns": """
            core.test_checks::test_cooldown_counts_from_the_last_mail_of_the_run_before
        """,
        "… and due times: occurred_at + wait": """
            core.test_starting_and_waiting::test_due_times_count_from_the_event_not_from_its_arrival
        """,
        "a later step's wait counts from the planned due time of the step before": """
            core.test_starting_and_waiting::test_a_later_wait_counts_from_the_planned_due_time_of_the_step_before
            core.test_steps::test_a_put_off_mail_moves_no_later_step
        """,
        "a late event updates state but starts nothing": """
            core.test_late_and_repeated_events::test_a_late_event_updates_state_and_starts_nothing
            core.test_late_and_repeated_events::test_an_event_just_within_lateness_starts
            core.test_late_and_repeated_events::test_lateness_is_a_matter_of_policy
            core.test_segments::test_a_late_transition_is_noted_and_a_backfilled_one_is_not
        """,
        "backfill starts nothing itself": """
            core.test_late_and_repeated_events::test_backfill_updates_state_and_starts_nothing_itself
        """,
        "inactivity wake-ups that fall due after its arrival count it": """
            core.test_inactivity::test_a_late_event_is_planned_only_if_it_falls_due_after_its_arrival
            core.test_inactivity::test_backfilled_history_fires_for_what_falls_due_after_its_arrival
        """,
        "… and date ones": """
            core.test_time_and_arrival::test_dates_that_fall_due_after_a_late_or_backfilled_event_count_it
        """,
        "… and segment ones": """
            core.test_time_and_arrival::test_flips_that_fall_due_after_a_late_or_backfilled_event_count_it
        """,
        "future timestamps are clamped": """
            core.test_starting_and_waiting::test_timestamps_in_the_future_are_clamped_to_their_arrival
            core.test_instants_in_conditions::test_a_condition_sees_a_time_in_the_future_clamped_to_the_arrival
        """,
    },
    "Wake-ups": {
        "handed in only when the partition has been read to its end as of the due time": """
            shell.test_partition_writer::test_a_wake_up_waits_for_the_logs_end
            shell.test_partition_writer::test_a_wake_up_fires_once_the_log_is_read_to_its_end
        """,
        "while catching up merged with events by the running maximum of received_at": """
            shell.test_partition::test_while_catching_up_a_wake_up_due_before_the_next_event_fires_first
            shell.test_partition::test_an_event_received_at_the_due_instant_comes_before_the_wake_up
            shell.test_partition::test_a_record_from_a_clock_ahead_of_ours_fires_nothing_early
        """,
        "a purchase waiting in the log cancels before the timer mails": """
            shell.test_partition::test_a_purchase_waiting_in_the_log_cancels_before_the_timer_mails
            core.test_late_and_repeated_events::test_a_purchase_waiting_in_the_log_cancels_before_the_timer_mails
        """,
        "decided_at is the now given": """
            core.test_starting_and_waiting::test_decisions_say_what_happened_when_and_by_which_rules
        """,
        "for a wake-up, cause.offset is the last offset applied to her": """
            core.test_state::test_a_wake_up_is_caused_by_the_last_event_applied
        """,
        "a re-run hands recorded wake-ups in at these positions": """
            core.test_time_and_arrival::test_a_rerun_with_the_wake_ups_at_their_recorded_positions_is_the_same_to_the_byte
        """,
    },
    "Out of order": {
        "a purchase that arrives late cancels a pending run whose start it follows": """
            core.test_out_of_order::test_a_purchase_that_arrives_late_cancels_the_pending_run
            core.test_out_of_order::test_a_purchase_from_before_the_cart_does_not
            core.test_late_and_repeated_events::test_a_purchase_later_than_lateness_still_cancels
        """,
        "an event at or before the last ending starts nothing": """
            core.test_out_of_order::test_a_purchase_that_arrives_before_the_older_cart_event_keeps_it_from_starting
            core.test_late_and_repeated_events::test_an_event_at_or_before_the_last_purchase_starts_nothing
            core.test_late_and_repeated_events::test_an_older_purchase_does_not_hide_a_newer_one
        """,
        "CancelMail makes the step cancelling": """
            core.test_out_of_order::test_a_requested_mail_is_taken_back_and_its_fate_told
            core.test_endings::test_a_mail_is_taken_back_after_its_run_has_sent_everything
        """,
        "email_cancelled turns that into cancelled": """
            core.test_endings::test_a_requested_mail_is_taken_back_and_cancelled
        """,
        "email_sent turns that into regret": """
            core.test_endings::test_a_mail_that_had_gone_out_already_is_a_regret
        """,
    },
    "Duplicates": {
        "an event id seen within the dedup window changes nothing": """
            core.test_late_and_repeated_events::test_a_duplicate_changes_nothing_at_all
            core.test_late_and_repeated_events::test_the_dedup_window_holds_the_last_ids_of_a_customer
        """,
    },
    "Occasions": {
        "trigger + customer + once_per": """
            core.test_occasions_and_bounds::test_numbers_and_booleans_make_occasions
            core.test_dates::test_once_per_decides_what_the_occasion_is
        """,
        "cart.id is the shop's": """
            core.test_occasions_and_bounds::test_a_cart_with_the_shops_id_is_one_occasion_even_if_emptied
            core.test_projection::test_the_cart_id_is_the_shops_or_else_the_first_addition
        """,
        "… or the first addition after an empty or ordered cart": """
            core.test_occasions_by_default::test_a_cart_without_an_id_of_the_shop_is_named_by_its_first_addition
        """,
        "cart_updated and cart_emptied are derived": """
            core.test_projection::test_additions_and_removals_fill_and_empty_the_cart
            core.test_starting_and_waiting::test_an_added_product_counts_as_cart_updated_and_starts_only_once
        """,
        "a null once_per falls back to the starting event, with a warning": """
            core.test_occasions_and_bounds::test_a_null_once_per_falls_back_to_the_event_with_a_warning
        """,
        "default of event and absence": """
            core.test_occasions_by_default::test_event_and_absence_the_first_event_of_the_run
        """,
        "default of thresholds": """
            core.test_occasions_by_default::test_threshold_the_crossing_event
        """,
        "default of inactivity": """
            core.test_occasions_by_default::test_inactivity_the_last_activity
        """,
        "default of dates": """
            core.test_occasions_by_default::test_date_the_local_date_or_its_year
        """,
        "default of segments": """
            core.test_occasions_by_default::test_segment_the_transition
        """,
        "never twice within occasion_memory": """
            core.test_occasions_and_bounds::test_the_same_occasion_never_runs_twice
            core.test_occasions_and_bounds::test_an_occasion_is_remembered_for_400_days
        """,
        "when full, nothing starts: state_limit": """
            core.test_occasions_and_bounds::test_a_full_memory_starts_nothing_and_says_so
            core.test_occasions_and_bounds::test_triggers_of_which_nothing_is_remembered_any_more_make_room
        """,
    },
    "Checks": {
        "in this order": """
            core.test_check_order::test_each_check_fails_by_itself
            core.test_check_order::test_of_two_neighbours_the_earlier_decides
            core.test_check_order::test_with_everything_against_it_the_order_is_that_of_the_list
        """,
        "after a reschedule or the hold the whole list runs again": """
            core.test_check_order::test_the_whole_list_runs_again_after_each_put_off
            core.test_check_order::test_an_earlier_check_is_asked_again_after_a_put_off
        """,
        "consent changed mid-series": """
            core.test_check_order::test_consent_changed_in_the_middle_of_a_series_ends_it_there
        """,
        "cooldown applies only to a run's first mail": """
            core.test_checks::test_cooldown_holds_the_first_mail_of_a_later_run
            core.test_checks::test_cooldown_does_not_hold_the_later_mails_of_the_same_run
        """,
        "… from the previous run's last mail of that trigger": """
            core.test_checks::test_cooldown_counts_from_the_last_mail_of_the_run_before
        """,
        "a cap slot is taken at fired": """
            core.test_caps::test_a_cap_counts_within_a_rolling_window
            core.test_caps::test_a_slot_is_taken_at_the_due_time_not_at_the_hour_of_sending
        """,
        "… and returned on cancelled, expired, suppressed or failed": """
            core.test_caps::test_a_mail_that_was_not_sent_returns_its_slot
            core.test_caps::test_a_mail_that_was_sent_or_bounced_keeps_its_slot
        """,
        "held-out takes the same cooldown and slots": """
            core.test_experiments::test_who_is_held_out_gets_nothing_and_everything_else_is_the_same
        """,
        "what transactional mails skip": """
            core.test_check_order::test_what_transactional_mails_skip
            core.test_quiet_hours::test_transactional_mails_know_no_night
            core.test_quiet_hours::test_transactional_mails_ignore_blackouts
            core.test_caps::test_transactional_mails_neither_count_nor_are_counted
        """,
        "an offer in a transactional mail still needs consent and policy.offers": """
            core.test_offers::test_an_offer_in_a_transactional_mail_needs_consent_to_marketing
            core.test_offers::test_the_limit_holds_over_all_triggers
        """,
        "calendar": """
            core.test_quiet_hours::test_blackouts_put_off_to_their_end
            core.test_caps::test_a_planned_campaign_reserves_a_slot
            core.test_caps::test_on_sale_days_another_number_holds
        """,
    },
    "Outcomes": {
        "closed": """
            core.test_outcomes::test_the_set_of_outcomes_is_closed
        """,
        "each is a decision with its reason": """
            core.test_outcomes::test_each_outcome_is_a_decision_with_its_reason
        """,
    },
    "Arbitration": {
        "marketing candidates wait arbitration_hold": """
            core.test_arbitration::test_a_candidate_is_held_before_it_goes_out
        """,
        "then the highest priority wins, losers are recorded": """
            core.test_arbitration::test_the_highest_priority_wins_and_the_others_are_recorded
        """,
        "ties by trigger id": """
            core.test_arbitration::test_ties_go_to_the_lower_trigger_id
        """,
    },
    "Experiments": {
        "assigned by hash of (experiment, customer key)": """
            core.test_experiments::test_the_draw_is_the_hash_of_experiment_and_customer
        """,
        "kept in the run": """
            core.test_experiments::test_a_variant_stays_when_shares_change
        """,
        "surviving hand-over": """
            core.test_hand_over::test_an_arm_of_an_experiment_stays_after_the_hand_over
        """,
        "variant shares divide those not held out": """
            core.test_experiments::test_shares_divide_those_not_held_out
        """,
    },
    "Edits": {
        "pin": """
            core.test_edits::test_pinned_runs_go_on_as_they_began
        """,
        "migrate": """
            core.test_edits::test_migrated_runs_go_on_in_the_new_version_behind_their_last_mail
            core.test_edits::test_a_migrated_run_that_has_not_mailed_begins_again_from_its_start
        """,
        "drain": """
            core.test_edits::test_drained_runs_may_still_send_one_mail
        """,
        "pause and resume": """
            core.test_edits::test_paused_runs_stand_still_and_go_on_when_resumed
            core.test_edits::test_resumed_runs_past_their_expiry_end_as_expired
            core.test_edits::test_pausing_and_resuming_is_no_edit_under_any_policy
        """,
        "a decision names version and digest": """
            core.test_starting_and_waiting::test_decisions_say_what_happened_when_and_by_which_rules
            core.test_edits::test_pinned_runs_go_on_as_they_began
        """,
    },
    "Time zones": {
        "durations are absolute": """
            core.test_time_and_arrival::test_durations_are_absolute_whatever_the_clocks_do
        """,
        "at is local": """
            core.test_steps::test_wait_until_a_clock_time_is_local
            core.test_dates::test_it_fires_at_nine_at_her_place_in_each_year
        """,
        "quiet hours are local, over changes of the clocks and where there are none": """
            core.test_quiet_hours::test_quiet_hours_end_by_the_recipients_clocks
            core.test_local_time::test_the_end_of_quiet_hours_that_does_not_exist_is_the_first_instant_after
        """,
        "nonexistent and ambiguous local times": """
            core.test_local_time::test_nonexistent_local_time_is_the_first_valid_instant_after_and_ambiguous_the_first
        """,
        "unknown zone": """
            core.test_local_time::test_unknown_zone_is_the_countrys_else_the_policys
        """,
        "29 February": """
            core.test_dates::test_29_february_is_28_february_in_other_years
        """,
        "a change of zone or date re-plans": """
            core.test_dates::test_a_change_of_date_plans_anew
            core.test_quiet_hours::test_a_change_of_zone_while_the_mail_waits_counts_when_it_is_checked_again
            core.test_change_of_what_is_watched::test_another_zone_of_the_policy_plans_all_dates_anew_as_of_the_marker
        """,
        "the local year stays the occasion": """
            core.test_dates::test_the_local_year_stays_the_occasion_when_zone_or_date_change
        """,
        "a date missed by more than date_grace is expired": """
            core.test_dates::test_a_date_missed_by_more_than_the_grace_is_expired_never_sent_late
        """,
        "movable feasts": """
            core.test_dates::test_movable_feasts_come_from_the_pinned_package
        """,
    },
    "Failures": {
        "an exception never leaves half-changed state": """
            shell.test_partition::test_half_applied_inputs_are_undone
            core.test_half_applied::test_an_input_that_fails_after_a_hand_over_and_a_change_of_rules_leaves_no_trace
        """,
        "dead-letter this one and go on": """
            shell.test_partition::test_a_record_that_cannot_be_used_is_rejected_and_the_line_goes_on
        """,
        "more than N in M inputs stops the worker": """
            shell.test_failed_inputs::test_too_many_failed_inputs_stop_the_writer_and_none_of_them_is_put_aside
            shell.test_failed_inputs::test_few_failed_inputs_among_many_do_not_stop_it
        """,
        "a raising wake-up ends its run with error": """
            shell.test_partition::test_a_wake_up_that_cannot_be_performed_ends_its_run_with_error
            core.test_rules::test_a_wake_up_that_raised_ends_its_run_with_an_error
        """,
    },
    "State": {
        "every list and map has a stated limit": """
            core.test_bounded_state::test_a_flood_from_one_customer_fills_no_list_and_no_map_beyond_its_bound
            core.test_bounded_state::test_a_state_with_everything_at_its_bound_fits_the_changelog
        """,
        "migration from version 1": """
            core.test_state_migration::test_everything_of_version_1_is_where_it_belongs
            core.test_state_migration::test_it_is_written_again_as_version_2
            core.test_state_migration::test_the_same_order_is_not_confirmed_again_after_the_migration
        """,
    },
    "Erasure": {
        "cancels pending mail": """
            core.test_erasure::test_her_runs_end_mails_are_taken_back_and_nothing_is_left
            core.test_erasure::test_a_mail_that_her_device_had_asked_for_is_taken_back_when_it_comes_over
        """,
        "tombstones state and aliases": """
            core.test_erasure::test_her_devices_are_erased_by_an_event_each
            core.test_erasure::test_a_hand_over_on_its_way_when_she_is_erased_brings_nothing_back
        """,
        "what happened before and comes late is dropped": """
            core.test_erasure::test_what_happened_before_the_erasure_and_arrives_late_is_ignored
        """,
    },
    "Hand-over": {
        "three steps": """
            core.test_hand_over::test_the_three_steps_have_ids_that_follow_from_the_asking_event
        """,
        "with pending runs": """
            core.test_hand_over::test_a_pending_run_comes_over_with_its_occasion_and_mails_the_customer
        """,
        "… caps": """
            core.test_hand_over::test_caps_count_what_the_device_was_mailed
        """,
        "… and experiments": """
            core.test_hand_over::test_an_arm_of_an_experiment_stays_after_the_hand_over
        """,
        "anonymous events still in flight": """
            core.test_hand_over::test_events_of_the_device_still_in_flight_follow_the_customer
        """,
        "shared devices": """
            core.test_hand_over::test_a_device_that_comes_to_somebody_else_hands_nothing_of_the_first_over
        """,
        "alias kept": """
            core.test_hand_over::test_an_alias_is_kept_400_days_and_then_forgotten
        """,
        "where both sides hold an occasion, the one that has mailed wins": """
            core.test_hand_over::test_of_two_runs_of_one_occasion_the_one_that_has_mailed_stays
            core.test_hand_over::test_of_two_runs_of_one_occasion_hers_stays
        """,
        "endings known on either side act on what the other has begun": """
            core.test_known_endings::test_a_later_order_on_the_device_ends_it
            core.test_known_endings::test_the_event_that_started_a_run_does_not_end_it_in_a_merge
            core.test_hand_over::test_an_order_the_customer_made_ends_the_run_that_comes_over
        """,
        "applied once": """
            core.test_hand_over::test_a_hand_over_that_arrives_twice_is_applied_once
            core.test_hand_over::test_a_hand_over_is_applied_once_even_when_its_id_has_left_the_dedup_window
        """,
        "a kill at each step": """
            core.test_hand_over_crashes::test_a_kill_before_any_flush_is_durable_changes_nothing
            core.test_hand_over_crashes::test_kills_again_and_again_change_nothing
        """,
        "while partitions know different rules": """
            core.test_hand_over_between_rules::test_a_run_of_newer_rules_waits_for_the_customers_marker
            core.test_change_of_rules_sweep::test_a_run_that_comes_over_from_a_partition_behind_is_brought_in_line
        """,
    },
}
SENTENCES = [(bullet, sentence) for bullet, sentences in INDEX.items() for sentence in sentences]


@pytest.mark.parametrize(("bullet", "sentence"), SENTENCES)
def test_every_sentence_has_a_test_that_is_run(bullet: str, sentence: str) -> None:
    named = INDEX[bullet][sentence].split()
    assert named
    for place in named:
        module, _, name = place.partition("::")
        holder = import_module(f"tests.unit.trigger_engine.{module}")
        test = getattr(holder, name, None)
        assert callable(test), f"{place} is gone, which held: {bullet}: {sentence}"
        assert name.startswith("test_")
        assert test.__module__ == holder.__name__, "it is collected where it stands"
        marks = {mark.name for mark in getattr(test, "pytestmark", [])}
        assert marks.isdisjoint({"skip", "skipif", "xfail"}), f"{place} is not run"

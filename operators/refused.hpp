#pragma once

#include <sidestep/operators/chain.hpp>

// What a wrong program is told, at its own line and in words: clang++ by an attribute, g++ by the name of a type.
// clang-format off
namespace sidestep {

#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
namespace detail {
struct Refused {
  template <class T>
  friend Refused operator|(Refused, T&&) {
    return {};
  }
};
}  // namespace detail
template <detail::Chain P, class Op>
detail::Refused operator|(P, Op)
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::lacks_window,
        "this stage reduces a window: put one before it, as in window(count(10))", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::lacks_statistic,
        "behind a window stands what reduces it, as mean() or buffer(...) instead of the window", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::no_number,
        "this statistic takes numbers, and a value of this window is none: name a member, as in mean(&BatchEnd::loss), or map before the window", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::no_number_in_stats,
        "stats takes what emits a number or a bool (count, sum, mean, variance, min_of, max_of, quantile, slope, plateau); rate and histogram stand alone", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::lacks_equality,
        "what is compared needs equality (==), and for distinct a std::hash: name a member that has them, as in distinct(8, &BatchEnd::step)", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::returns_nothing,
        "what map calls returns nothing: say tap(f), or return a value", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::error_text,
        "what this calls takes a std::string_view, the error's text, and catch_error's returns a value of the type that the chain emits", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::handover_within,
        "observe_on stands before or behind group_by, partition, share or over, not within", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::decide_within,
        "decide stands at the end of the whole pipeline: behind group_by, partition, share or over, not within", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::not_called,
        "this is the name of a function: did you mean to call it, as in mean() or subscribe(f)?", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::stage_keeps,
        "a stage before this end keeps values that a checkpoint can't save, as a payload: map what you need out of them before that stage", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::no_stage,
        "this takes a value and no out, so it is no stage: say map(f), filter(f), tap(f) or subscribe(f)", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::lacks_out,
        "this stage doesn't say what it emits: give it `template <class In> using out = ...;`", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::takes_no_out,
        "this stage takes no out to emit with: say `void operator()(const auto& value, auto&& out)`", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::stage_unsaved,
        "a stage before this end captures what a checkpoint can't save: say pure(f), or give its functor a state(archive)", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::end_unsaved,
        "this end captures what a checkpoint can't save: say pure(f), or give its functor a state(archive)", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::answer,
        "what decide calls must return a decision, an optional one, a variant of them, or Decisions", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::joins,
        "this joins chains of one bus: no observe_on stands before it, nor is it within group_by, share or over, and on_error_resume takes one that emits the same type", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::behind_the_end,
        "this chain has its end already: nothing stands behind subscribe(...) or decide(...)", "error")))
    __attribute__((diagnose_if(detail::wrong<P, Op>() == detail::Wrong::input,
        "this stage can't take what the stage before it emits", "error")));
#pragma clang diagnostic pop
#else
template <class Op>
struct this_stage_reduces_a_window_so_put_one_before_it_as_in_window_count_10 {};
template <class Op>
struct behind_a_window_stands_what_reduces_it_as_mean_or_say_buffer_instead_of_window {};
template <class Op>
struct this_statistic_takes_numbers_and_a_value_of_this_window_is_none_name_a_member_as_in_mean_BatchEnd_loss_or_map_before_the_window {};
template <class Op>
struct stats_takes_what_emits_a_number_or_a_bool_so_rate_and_histogram_stand_alone {};
template <class Op>
struct what_is_compared_needs_equality_and_for_distinct_a_std_hash_so_name_a_member_that_has_them_as_in_distinct_8_step {};
template <class Op>
struct what_map_calls_returns_nothing_say_tap_f_or_return_a_value {};
template <class Op>
struct what_this_calls_takes_a_std_string_view_the_error_text_and_catch_error_returns_a_value_of_the_type_that_the_chain_emits {};
template <class Op>
struct observe_on_stands_before_or_behind_group_by_partition_share_or_over_not_within {};
template <class Op>
struct decide_stands_at_the_end_of_the_whole_pipeline_behind_group_by_partition_share_or_over_not_within {};
template <class Op>
struct this_is_the_name_of_a_function_did_you_mean_to_call_it_as_in_mean_or_subscribe_f {};
template <class Stage>
struct a_stage_before_this_end_keeps_values_that_a_checkpoint_cannot_save_as_a_payload_so_map_what_you_need_out_of_them_before_that_stage {};
template <class Op>
struct this_takes_a_value_and_no_out_so_it_is_no_stage_say_map_f_or_filter_f_or_tap_f_or_subscribe_f {};
template <class Op>
struct this_stage_does_not_say_what_it_emits_give_it_template_class_In_using_out {};
template <class Op>
struct this_stage_takes_no_out_to_emit_with_say_void_operator_of_const_auto_value_and_auto_out {};
template <class Stage>
struct a_stage_before_this_end_captures_what_a_checkpoint_cannot_save_say_pure_f_or_give_its_functor_a_state_archive {};
template <class Op>
struct this_end_captures_what_a_checkpoint_cannot_save_say_pure_f_or_give_its_functor_a_state_archive {};
template <class Op>
struct what_decide_calls_must_return_a_decision_an_optional_one_a_variant_of_them_or_Decisions {};
template <class Op>
struct this_joins_chains_of_one_bus_so_no_observe_on_stands_before_it_nor_is_it_within_group_by_share_or_over_and_on_error_resume_takes_one_that_emits_the_same_type {};
template <class Op>
struct this_chain_has_its_end_already_nothing_stands_behind_subscribe_or_decide {};
template <class V, class Op>
struct this_stage_cannot_take_what_the_stage_before_it_emits {};

template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::lacks_window)
this_stage_reduces_a_window_so_put_one_before_it_as_in_window_count_10<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::lacks_statistic)
behind_a_window_stands_what_reduces_it_as_mean_or_say_buffer_instead_of_window<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::no_number)
this_statistic_takes_numbers_and_a_value_of_this_window_is_none_name_a_member_as_in_mean_BatchEnd_loss_or_map_before_the_window<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::no_number_in_stats)
stats_takes_what_emits_a_number_or_a_bool_so_rate_and_histogram_stand_alone<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::lacks_equality)
what_is_compared_needs_equality_and_for_distinct_a_std_hash_so_name_a_member_that_has_them_as_in_distinct_8_step<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::returns_nothing)
what_map_calls_returns_nothing_say_tap_f_or_return_a_value<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::error_text)
what_this_calls_takes_a_std_string_view_the_error_text_and_catch_error_returns_a_value_of_the_type_that_the_chain_emits<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::handover_within)
observe_on_stands_before_or_behind_group_by_partition_share_or_over_not_within<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::decide_within)
decide_stands_at_the_end_of_the_whole_pipeline_behind_group_by_partition_share_or_over_not_within<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::not_called)
this_is_the_name_of_a_function_did_you_mean_to_call_it_as_in_mean_or_subscribe_f<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::stage_keeps)
a_stage_before_this_end_keeps_values_that_a_checkpoint_cannot_save_as_a_payload_so_map_what_you_need_out_of_them_before_that_stage<
    typename detail::Unsaved<P, Op>::type>
operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::no_stage)
this_takes_a_value_and_no_out_so_it_is_no_stage_say_map_f_or_filter_f_or_tap_f_or_subscribe_f<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::lacks_out)
this_stage_does_not_say_what_it_emits_give_it_template_class_In_using_out<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::takes_no_out)
this_stage_takes_no_out_to_emit_with_say_void_operator_of_const_auto_value_and_auto_out<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::stage_unsaved)
a_stage_before_this_end_captures_what_a_checkpoint_cannot_save_say_pure_f_or_give_its_functor_a_state_archive<
    typename detail::Unsaved<P, Op>::type>
operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::end_unsaved)
this_end_captures_what_a_checkpoint_cannot_save_say_pure_f_or_give_its_functor_a_state_archive<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::answer)
what_decide_calls_must_return_a_decision_an_optional_one_a_variant_of_them_or_Decisions<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::joins)
this_joins_chains_of_one_bus_so_no_observe_on_stands_before_it_nor_is_it_within_group_by_share_or_over_and_on_error_resume_takes_one_that_emits_the_same_type<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::behind_the_end)
this_chain_has_its_end_already_nothing_stands_behind_subscribe_or_decide<Op> operator|(P, Op) = delete;
template <detail::Chain P, class Op>
requires(!detail::Fits<P, Op> && detail::wrong<P, Op>() == detail::Wrong::input)
this_stage_cannot_take_what_the_stage_before_it_emits<typename detail::Chained<P>::Value, Op> operator|(P, Op) = delete;
#endif

// A wrong program: `| subscribe`, the name of several functions. And something behind subscribe(...) or decide(...).
namespace detail {
struct FunctionName {
  FunctionName(...);
};
}  // namespace detail
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wgcc-compat"
template <detail::Chain P>
detail::Refused operator|(P, detail::FunctionName)
    __attribute__((diagnose_if(true, "this is the name of a function: did you mean to call it, as in mean() or subscribe(f)?", "error")));
template <class Op>
detail::Refused operator|(Handle, Op)
    __attribute__((diagnose_if(true, "this chain has its end already: nothing stands behind subscribe(...) or decide(...)", "error")));
#pragma clang diagnostic pop
#else
template <detail::Chain P>
this_is_the_name_of_a_function_did_you_mean_to_call_it_as_in_mean_or_subscribe_f<detail::FunctionName> operator|(P, detail::FunctionName) = delete;
template <class Op>
this_chain_has_its_end_already_nothing_stands_behind_subscribe_or_decide<Op> operator|(Handle, Op) = delete;
#endif

}  // namespace sidestep
